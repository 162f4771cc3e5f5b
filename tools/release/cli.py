"""The command `plugtone release`: make keys, build, sign offline, publish.

Keys and bundle are folders; only `init`, `publish` and `list` talk to a fleet (PLUGTONE_URL, PLUGTONE_TOKEN).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from protocol.wire.release import role_of, target_name
from tools.client import FleetClient
from tools.release.build import build_image
from tools.release.bundle import Bundle
from tools.release.errors import ReleaseError
from tools.release.keys import OfflineKeys, create_keys
from tools.release.sign import initialise, renew, sign_image

PASSPHRASE_VARIABLE = "PLUGTONE_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
MAX_KEYS_FILE_BYTES = 64 * 1024

app = typer.Typer(
    name="release", help="Make release keys, build images, sign them offline, publish them.", no_args_is_help=True
)
keys_app = typer.Typer(help="The offline keys of the release owners.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

KeysOption = Annotated[Path, typer.Option("--keys", help="The folder of the offline keys.")]
BundleOption = Annotated[Path, typer.Option("--bundle", "--out", help="The folder of what was signed.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@keys_app.command("create")
def create(
    directory: Annotated[Path, typer.Argument(help="Where the key files go.")],
    board: Annotated[list[str], typer.Option("--board", help="A board to make a key for; repeatable.")],
    as_json: JsonOption = False,
) -> None:
    """Make three root keys, a targets key and one for each board, each an encrypted file.

    Keys that are there stay. Example: plugtone release keys create keys --board simulated
    """
    made = create_keys(directory, board, _passphrase(confirm=True))
    _show(as_json, {"made": [str(path) for path in made]}, *(f"made {path}" for path in made))


@app.command("init")
def init(
    keys: KeysOption,
    bundle: BundleOption,
    board: Annotated[list[str], typer.Option("--board", help="A board this fleet has; repeatable.")],
    update_keys: Annotated[
        Path | None,
        typer.Option("--update-keys", help="The answer of GET /v1/update-keys in a file: no fleet is asked."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign the first root, targets and board roles, trusting the fleet's online keys.

    Example: plugtone release init --keys keys --bundle releases --board simulated
    """
    online = _update_keys(update_keys)
    made = initialise(Bundle(bundle), OfflineKeys(keys, _passphrase()), board, online, datetime.now(UTC))
    _show(as_json, {"signed": [path.name for path in made]}, *(f"signed {path}" for path in made))


@app.command("build")
def build(
    board: Annotated[str, typer.Option("--board", help="The board, as in boards/BOARD.toml.")],
    version: Annotated[str, typer.Option("--version", help="What people call it, as 2.1.0.")],
    counter: Annotated[int, typer.Option("--counter", min=1, help="Higher than that of any release before.")],
    out: Annotated[Path, typer.Option("--out", help="The image file to write.")],
    security_counter: Annotated[
        int, typer.Option("--security-counter", min=0, help="No unit goes below it again.")
    ] = 0,
    source: Annotated[Path | None, typer.Option("--source", help="The folder with firmware/ and protocol/.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Build an image; the same sources give the same bytes.

    Example: plugtone release build --board simulated --version 2.0.0 --counter 2 --out 2.0.0.img
    """
    image = build_image(board, version, counter, security_counter=security_counter, source=source)
    out.write_bytes(image)
    _show(as_json, {"image": str(out), "bytes": len(image)}, f"built {out}, {len(image)} bytes")


@app.command("sign")
def sign(
    image: Annotated[Path, typer.Argument(help="The image that `release build` made.")],
    keys: KeysOption,
    bundle: BundleOption,
    retire: Annotated[list[str] | None, typer.Option("--retire", help="A version to drop; repeatable.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign an image into its board's role, offline.

    Example: plugtone release sign 2.0.0.img --keys keys --bundle releases
    """
    signer = OfflineKeys(keys, _passphrase())
    header = sign_image(Bundle(bundle), signer, image.read_bytes(), datetime.now(UTC), retire or ())
    name = target_name(header.board, header.version)
    _show(as_json, {"target": name, "role": role_of(header.board)}, f"signed {name} into {role_of(header.board)}")


@app.command("renew")
def renew_role(
    role: Annotated[str, typer.Argument(help="root, targets or board-BOARD.")],
    keys: KeysOption,
    bundle: BundleOption,
    as_json: JsonOption = False,
) -> None:
    """Sign a role again as it is, before it expires.

    Example: plugtone release renew targets --keys keys --bundle releases
    """
    path = renew(Bundle(bundle), OfflineKeys(keys, _passphrase()), role, datetime.now(UTC))
    _show(as_json, {"signed": path.name}, f"signed {path}")


@app.command("publish")
def publish(
    bundle: BundleOption,
    notes: Annotated[str, typer.Option("--notes", help="What is new, for people.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Send the fleet whatever it does not serve yet; safe to run again.

    Example: plugtone release publish --bundle releases --notes "Fixes the clock"
    """
    with FleetClient.from_environment() as fleet:
        answer = send(fleet, Bundle(bundle), notes)
    versions = [release["version"] for release in answer["releases"]]
    _show(as_json, answer, *(f"published {version}" for version in versions or ["metadata; no new release"]))


@app.command("list")
def list_releases(as_json: JsonOption = False) -> None:
    """The releases a rollout can name, newest first.

    Example: plugtone release list
    """
    with FleetClient.from_environment() as fleet:
        releases = list(fleet.items("/v1/releases"))
    lines = [
        f"{each['version']:16} {', '.join(i['board'] for i in each['images']):20} {each['published_at']}"
        for each in releases
    ]
    _show(as_json, releases, *lines)


def send(fleet: FleetClient, bundle: Bundle, notes: str) -> dict[str, Any]:
    """Publish what the fleet does not serve yet; the answer of POST /v1/releases."""
    versions = bundle.versions()
    if "root" not in versions:
        raise ReleaseError(f"{bundle.directory} has no root; run `plugtone release init` first")
    published = {each["role"]: each["version"] for each in fleet.get("/v1/update-metadata")}
    for role, version in versions.items():
        if published.get(role, 0) > version:
            raise ReleaseError(
                f"the fleet serves {role} {published[role]}, this bundle has {version}: it is an old copy"
            )
    # With nothing new, what is newest is sent once more: it completes a publication the fleet died in.
    files = bundle.files_after(published) or bundle.files_after({role: each - 1 for role, each in versions.items()})
    parts = [("metadata", (name, data)) for name, data in files.items()]
    parts += [("images", (name, data)) for name, data in bundle.images_after(published).items()]
    answer: dict[str, Any] = fleet.post("/v1/releases", files=parts, data={"notes": notes}, repeatable=True)
    return answer


def _update_keys(path: Path | None) -> Mapping[str, Mapping[str, Any]]:
    if path is None:
        with FleetClient.from_environment() as fleet:
            online: Mapping[str, Mapping[str, Any]] = fleet.get("/v1/update-keys")
            return online
    try:
        online = json.loads(path.read_bytes()[:MAX_KEYS_FILE_BYTES])
    except ValueError as error:
        raise ReleaseError(f"{path} holds no JSON: {error}; save the answer of GET /v1/update-keys there") from error
    return online


def _passphrase(confirm: bool = False) -> str:
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given is None:
        given = str(typer.prompt("Passphrase of the keys", hide_input=True, confirmation_prompt=confirm))
    return given


def _show(as_json: bool, value: Any, *lines: str) -> None:
    for line in [json.dumps(value)] if as_json else lines:
        typer.echo(line)
