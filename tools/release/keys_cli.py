"""The command `plugtone release keys`: make, describe, rotate and revoke the keys that updates hang on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from securesystemslib.signer import Key, SSlibKey

from tools.release.bundle import Bundle
from tools.release.draft import propose
from tools.release.encrypted_file import SCHEMES
from tools.release.errors import ReleaseError
from tools.release.fleet_keys import ONLINE_ROLES, UpdateKeysOption, fleet_keys
from tools.release.keys import OfflineKeys, add_key, create_keys, key_of, read_public, standard_names
from tools.release.replacement import keyids_of, replace_keys
from tools.release.terminal import (
    BundleOption,
    DryRunOption,
    JsonOption,
    KeysOption,
    open_keys,
    passphrase,
    read_json,
    show,
    show_outcome,
)

MIN_KEYID_CHARACTERS: Final = 8

keys_app = typer.Typer(help="The keys of release owners and fleet.", no_args_is_help=True)

WithOption = Annotated[
    str | None, typer.Option("--with", help="The new key: its name in the folder, or its description file.")
]


@keys_app.command("create")
def create(
    directory: Annotated[Path, typer.Argument(help="Where the key files go.")],
    board: Annotated[list[str] | None, typer.Option("--board", help="A board to make a key for; repeatable.")] = None,
    name: Annotated[list[str] | None, typer.Option("--name", help="Make this key alone; repeatable.")] = None,
    scheme: Annotated[str, typer.Option("--scheme", help=f"One of {', '.join(SCHEMES)}.")] = SCHEMES[0],
    as_json: JsonOption = False,
) -> None:
    """Make three root keys, a targets key and one for each board, or those named; each an encrypted file.

    Keys that are there stay. Example: plugtone release keys create keys --board simulated
    """
    if not board and not name:
        raise ReleaseError("name the boards, as in --board simulated, or single keys, as in --name targets-2")
    wanted = [*(standard_names(board) if board else ()), *(name or ())]
    made = create_keys(directory, wanted, passphrase(confirm=True), scheme)
    show(as_json, {"made": [str(path) for path in made]}, *(f"made {path}" for path in made))


@keys_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The owners' name for it, as root-4.")],
    keys: KeysOption,
    uri: Annotated[str, typer.Option("--uri", help="Where its signer finds it, as hsm:2 or gcpkms:projects/...")],
    public: Annotated[Path, typer.Option("--public", help='A file with {"keyid": ..., "key": ...}.')],
    as_json: JsonOption = False,
) -> None:
    """Describe a key that lies in an HSM, a cloud or another folder.

    Example: plugtone release keys add root-4 --keys keys --uri hsm:2 --public root-4.public.json
    """
    path = add_key(keys, name, key_of(read_json(public)), uri)
    show(as_json, {"described": str(path)}, f"described {path}")


@keys_app.command("list")
def list_keys(keys: KeysOption, bundle: BundleOption, as_json: JsonOption = False) -> None:
    """Which keys the newest root and targets list, and which of them this folder knows.

    Example: plugtone release keys list --keys keys --bundle releases
    """
    signed = Bundle(bundle)
    here = {each.key.keyid: each for each in open_keys(keys).described().values()}
    rows = []
    for role in [*signed.require("root").signed.roles, *signed.require("targets").signed.delegations.roles]:
        for keyid in keyids_of(signed, role):
            known = here.get(keyid)
            name = known.name if known else signed.key_names().get(keyid)
            rows.append({"role": role, "keyid": keyid, "name": name, "uri": known.uri if known else None})
    show(as_json, rows, *(f"{r['role']:20} {r['keyid'][:8]}  {r['name'] or '-':20} {r['uri'] or '-'}" for r in rows))


@keys_app.command("rotate")
def rotate(
    role: Annotated[str, typer.Argument(help="root, targets, board-BOARD, snapshot, timestamp, director or online.")],
    keys: KeysOption,
    bundle: BundleOption,
    new: WithOption = None,
    replace: Annotated[str | None, typer.Option("--replace", help="Of root: the key that goes, by name or id.")] = None,
    update_keys: UpdateKeysOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put a new key in the place of a role's old one; `online` renews all three of the fleet.

    Example: plugtone release keys rotate targets --keys keys --bundle releases --with targets-2 --dry-run
    """
    signed, ring = Bundle(bundle), open_keys(keys)
    names = _names(signed, ring)
    if role in (*ONLINE_ROLES, "online"):
        roles = ONLINE_ROLES if role == "online" else (role,)
        replacements = _online(signed, roles, update_keys, dry_run, names)
    else:
        old = _old(signed, role, replace, names)
        replacements = {old: _new(ring, new, names)}
    _carry_out(signed, ring, replacements, names, dry_run, as_json)


@keys_app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="The key that is lost or stolen, by name or id.")],
    keys: KeysOption,
    bundle: BundleOption,
    new: WithOption = None,
    update_keys: UpdateKeysOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put a new key in the place of one that is lost or stolen, in whatever roles list it.

    Example: plugtone release keys revoke root-2 --keys keys --bundle releases --with root-4
    """
    signed, ring = Bundle(bundle), open_keys(keys)
    names = _names(signed, ring)
    old = _find(key, names)
    online = [role for role in ONLINE_ROLES if old in keyids_of(signed, role)]
    replacements = _online(signed, online, update_keys, dry_run, names) if online else {old: _new(ring, new, names)}
    _carry_out(signed, ring, replacements, names, dry_run, as_json)


def _carry_out(
    bundle: Bundle,
    ring: OfflineKeys,
    replacements: Mapping[str, Key],
    names: dict[str, str],
    dry_run: bool,
    as_json: bool,
) -> None:
    plan = replace_keys(bundle, replacements, datetime.now(UTC))
    draft = propose(bundle, plan.changes)
    if dry_run:
        sentences = [each.sentence(names) for each in draft.missing()]
        value = {"dry_run": True} | plan.to_dict(names) | {"signatures": sentences}
        show(as_json, value, "nothing is written; this would change:", *plan.lines(names), *sentences)
        return
    bundle.name_keys({keyid: name for keyid, name in names.items() if keyid in {each.new for each in plan.replaced}})
    draft.sign(ring)
    show_outcome(as_json, bundle, draft.settle(), **plan.to_dict(names))


def _names(bundle: Bundle, ring: OfflineKeys) -> dict[str, str]:
    """The owners' names by key id: the fleet's by their roles, the folder's own before what the bundle remembers."""
    online = {keyid: f"the fleet's {role} key" for role in ONLINE_ROLES for keyid in keyids_of(bundle, role)}
    return online | bundle.key_names() | {each.key.keyid: each.name for each in ring.described().values()}


def _find(text: str, names: Mapping[str, str]) -> str:
    """The id of the key with that name or that beginning of its id."""
    found = [keyid for keyid, name in names.items() if text == name]
    if not found and len(text) >= MIN_KEYID_CHARACTERS:
        found = [keyid for keyid in names if keyid.startswith(text)]
    if len(found) != 1:
        raise ReleaseError(f"{len(found)} keys are called {text!r}; `plugtone release keys list` shows names and ids")
    return found[0]


def _old(bundle: Bundle, role: str, replace: str | None, names: Mapping[str, str]) -> str:
    listed = keyids_of(bundle, role)
    if replace is None and len(listed) == 1:
        return listed[0]
    if replace is None:
        shown = ", ".join(names.get(keyid, keyid[:8]) for keyid in listed)
        raise ReleaseError(f"{role} has {len(listed)} keys ({shown}); name the one that goes with --replace")
    old = _find(replace, names)
    if old not in listed:
        raise ReleaseError(f"{role} does not list key {replace}")
    return old


def _new(ring: OfflineKeys, new: str | None, names: dict[str, str]) -> Key:
    if new is None:
        raise ReleaseError("name the new key with --with; `plugtone release keys create KEYS --name NAME` makes one")
    found = read_public(Path(new)) if new.endswith(".json") else ring.description(new)
    names[found.key.keyid] = found.name
    return found.key


def _online(
    bundle: Bundle, roles: tuple[str, ...] | list[str], path: Path | None, dry_run: bool, names: dict[str, str]
) -> dict[str, Key]:
    """The fleet's next key for each of `roles`, by the id of the one it follows; the fleet makes what it lacks.

    A dry run makes none; a fleet that lost the listed key gives the one it has.
    """
    answer = fleet_keys(path, make_next=() if dry_run else roles)
    replacements = {}
    for number, role in enumerate(roles):
        old = _one(keyids_of(bundle, role), role)
        # A fleet that lost its keys has new ones already.
        entry = answer[role].get("next") if answer[role].get("keyid") == old else answer[role]
        if entry is None and not dry_run:
            raise ReleaseError(f"the fleet has no next {role} key yet; POST /v1/update-keys/next makes one")
        key = _not_made_yet(number) if entry is None else key_of(entry)
        names[key.keyid] = f"the fleet's next {role} key"
        replacements[old] = key
    return replacements


def _one(keyids: list[str], role: str) -> str:
    if len(keyids) != 1:
        raise ReleaseError(f"{role} lists {len(keyids)} keys, a fleet has one")
    return keyids[0]


def _not_made_yet(number: int) -> Key:
    """In the place of a key the fleet would make: dry runs ask nothing of it."""
    return SSlibKey(f"{number:064x}", "ecdsa", SCHEMES[0], {"public": "not made yet"})
