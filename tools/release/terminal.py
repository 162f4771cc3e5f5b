"""What the release commands share with a terminal: options, secrets, answers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from securesystemslib.signer import SecretsHandler

from tools.release.bundle import Bundle
from tools.release.draft import Missing, Outcome
from tools.release.errors import ReleaseError
from tools.release.keys import OfflineKeys

PASSPHRASE_VARIABLE = "PLUGTONE_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
MAX_KEYS_FILE_BYTES = 64 * 1024

KeysOption = Annotated[Path, typer.Option("--keys", help="The folder of the offline keys.")]
BundleOption = Annotated[Path, typer.Option("--bundle", "--out", help="The folder of what was signed.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change; write and ask nothing.")]


def open_keys(directory: Path) -> OfflineKeys:
    """The keys of that folder; a secret is asked for when one is needed, and once."""
    return OfflineKeys(directory, _remembering())


def passphrase(confirm: bool = False) -> str:
    """The passphrase of encrypted files, from the environment or the terminal."""
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is None:
        given = str(typer.prompt("Passphrase of the keys", hide_input=True, confirmation_prompt=confirm))
    return given


def read_json(path: Path) -> Any:
    """What a small JSON file holds; ReleaseError if it is none."""
    try:
        return json.loads(path.read_bytes()[:MAX_KEYS_FILE_BYTES])
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{path} holds no JSON: {error}; save the answer of GET /v1/update-keys there") from error


def show(as_json: bool, value: Any, *lines: str) -> None:
    """Print `value` as JSON, or the lines."""
    for line in [json.dumps(value)] if as_json else lines:
        typer.echo(line)


def show_outcome(as_json: bool, bundle: Bundle, outcome: Outcome, **more: Any) -> None:
    """Print what was signed, or whose signatures are missing and how to get them."""
    names = bundle.key_names()
    value = more | {"signed": [path.name for path in outcome.signed]}
    if outcome.missing:
        value["missing"] = [missing_dict(each, names) for each in outcome.missing]
    lines = [f"signed {path}" for path in outcome.signed]
    lines += [each.sentence(names) for each in outcome.missing]
    if outcome.missing:
        lines.append("take the bundle to whoever has those keys: plugtone release cosign --keys KEYS --bundle BUNDLE")
    show(as_json, value, *lines)


def missing_dict(missing: Missing, names: Mapping[str, str]) -> dict[str, Any]:
    """A lacking signature as JSON shows it."""
    return {
        "role": missing.role,
        "version": missing.version,
        "delegator": missing.delegator,
        "needed": missing.needed,
        "keys": [{"keyid": keyid, "name": names.get(keyid)} for keyid in missing.keyids],
    }


def _remembering() -> SecretsHandler:
    known: dict[str, str] = {}

    def ask(name: str) -> str:
        if name not in known:
            known[name] = (
                passphrase() if name == "passphrase" else str(typer.prompt(f"{name} of the key", hide_input=True))
            )
        return known[name]

    return ask
