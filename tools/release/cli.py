"""The command `plugtone release`: build, sign offline, publish; `keys` is in keys_cli.py.

Keys and bundle are folders; only `init`, `publish`, `list` and `show` talk to a fleet (PLUGTONE_URL, PLUGTONE_TOKEN).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from boards import catalogue
from protocol.host.role_parts import PART_BYTES, parse_part
from tools.client import FleetClient
from tools.release.build import REPOSITORY, build_image, modules_of
from tools.release.bundle import Bundle
from tools.release.delta import make_delta
from tools.release.draft import abandon, cosign, load
from tools.release.fleet_keys import UpdateKeysOption, fleet_keys
from tools.release.keys_cli import keys_app
from tools.release.publication import send, show_release
from tools.release.record import Provenance, ReleaseFacts, provenance_path, read_provenance
from tools.release.runtime import write_board_folder
from tools.release.sbom import make_sbom, source_of
from tools.release.sign import initialise, renew, sign_image
from tools.release.terminal import BundleOption, JsonOption, KeysOption, missing_dict, open_keys, show
from tools.release.terminal import show_outcome as show_signed

app = typer.Typer(
    name="release", help="Make release keys, build images, sign them offline, publish them.", no_args_is_help=True
)
app.add_typer(keys_app, name="keys")


@app.command("init")
def init(
    keys: KeysOption,
    bundle: BundleOption,
    board: Annotated[list[str], typer.Option("--board", help="A board this fleet has; repeatable.")],
    update_keys: UpdateKeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign the first root, targets and board roles, trusting the fleet's online keys.

    Example: plugtone release init --keys keys --bundle releases --board simulated
    """
    target, online = Bundle(bundle), fleet_keys(update_keys)
    show_signed(as_json, target, initialise(target, open_keys(keys), board, online, datetime.now(UTC)))


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
    """Build an image, and beside it what it is made of; the same sources give the same bytes.

    Example: plugtone release build --board simulated --version 2.0.0 --counter 2 --out 2.0.0.img
    """
    image = build_image(board, version, counter, security_counter=security_counter, source=source)
    made_of = Provenance(source_of(source or REPOSITORY), make_sbom(image, modules_of(board, source)))
    out.write_bytes(image)
    provenance_path(out).write_bytes(made_of.to_bytes())
    show(as_json, {"image": str(out), "bytes": len(image)}, f"built {out}, {len(image)} bytes")


@app.command("runtime")
def runtime(
    board: Annotated[str, typer.Option("--board", help="The board, as in boards/BOARD.toml.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
    as_json: JsonOption = False,
) -> None:
    """Write the board folder from which MicroPython's own build makes a real board's runtime (docs/boards.md).

    Example: plugtone release runtime --board wesp32 --out wesp32-runtime
    """
    files = write_board_folder(catalogue.load(board), out)
    show(as_json, {"files": [str(path) for path in files]}, f"wrote {len(files)} files into {out}")


@app.command("sign")
def sign(
    image: Annotated[Path, typer.Argument(help="The image that `release build` made.")],
    keys: KeysOption,
    bundle: BundleOption,
    retire: Annotated[list[str] | None, typer.Option("--retire", help="A version to drop; repeatable.")] = None,
    notes: Annotated[str, typer.Option("--notes", help="What is new, for the release record.")] = "",
    beta: Annotated[bool, typer.Option("--beta", help="For units of the beta channel.")] = False,
    security: Annotated[bool, typer.Option("--security", help="It closes a hole.")] = False,
    deltas: Annotated[bool, typer.Option("--deltas/--no-deltas", help="From the newest releases.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Sign an image, its record and its deltas into its board's role, offline.

    Example: plugtone release sign 2.0.0.img --keys keys --bundle releases
    """
    facts = ReleaseFacts(notes, beta, security, read_provenance(image))
    data, now = image.read_bytes(), datetime.now(UTC)
    done = sign_image(Bundle(bundle), open_keys(keys), data, now, retire or (), facts, make_delta if deltas else None)
    value = {"target": done.name, "role": done.role, "deltas": dict(done.deltas), "warning": done.warning or None}
    lines = [f"signed {done.name} into {done.role}"]
    lines += [f"signed {name}, {size} bytes" for name, size in done.deltas.items()]
    if facts.provenance.sbom is None:
        lines.append(f"no {provenance_path(image).name}: the record has no parts list")
    show(as_json, value, *lines, *([f"warning: {done.warning}"] if done.warning else []))


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
    target = Bundle(bundle)
    show_signed(as_json, target, renew(target, open_keys(keys), role, datetime.now(UTC)))


@app.command("cosign")
def cosign_proposal(keys: KeysOption, bundle: BundleOption, as_json: JsonOption = False) -> None:
    """Add the signatures of the keys in this folder to what still lacks some.

    Example: plugtone release cosign --keys keys --bundle releases
    """
    target = Bundle(bundle)
    show_signed(as_json, target, cosign(target, open_keys(keys)))


@app.command("abandon")
def abandon_proposal(bundle: BundleOption, as_json: JsonOption = False) -> None:
    """Drop what still lacks signatures.

    Example: plugtone release abandon --bundle releases
    """
    dropped = abandon(Bundle(bundle))
    show(as_json, {"dropped": dropped}, *(f"dropped {role}" for role in dropped or ["nothing; nothing was proposed"]))


@app.command("status")
def status(bundle: BundleOption, as_json: JsonOption = False) -> None:
    """Every role with version and expiry, how full a board's parts are, and whose signatures are missing.

    Example: plugtone release status --bundle releases
    """
    target = Bundle(bundle)
    draft = load(target)
    missing = draft.missing() if draft else []
    names = target.key_names()
    roles: list[dict[str, Any]] = []
    lines = []
    for role, version in target.versions().items():
        size = target.path(role, version).stat().st_size
        expires = target.load(role, version).signed.expires
        roles.append({"role": role, "version": version, "expires": expires.isoformat(), "bytes": size})
        full = f"  {100 * size // PART_BYTES} % full" if parse_part(role) else ""
        lines.append(f"{role:24} {version:>5}  expires {expires:%Y-%m-%d}{full}")
    lines += [each.sentence(names) for each in missing]
    value = {"roles": roles, "proposed": target.proposals(), "missing": [missing_dict(m, names) for m in missing]}
    show(as_json, value, *lines)


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
    show(as_json, answer, *(f"published {version}" for version in versions or ["metadata; no new release"]))


@app.command("list")
def list_releases(as_json: JsonOption = False) -> None:
    """The releases a rollout can name, newest first, with the sizes of image and deltas in bytes.

    Example: plugtone release list
    """
    with FleetClient.from_environment() as fleet:
        releases = list(fleet.items("/v1/releases"))
    lines = []
    for each in releases:
        for image in each["images"]:
            deltas = ", ".join(f"{delta['length']} from {delta['base_version']}" for delta in image["deltas"])
            name = f"{each['version']} beta" if image["beta"] else each["version"]
            lines.append(
                f"{name:21} {image['board']:16} {image['length']:>8}  {deltas or 'no delta':40} {each['published_at']}"
            )
    show(as_json, releases, *lines)


@app.command("show")
def show_one(
    version: Annotated[str, typer.Argument(help="The release's version.")],
    sbom: Annotated[bool, typer.Option("--sbom", help="Print its parts list alone, as CycloneDX.")] = False,
    as_json: JsonOption = False,
) -> None:
    """A release with its record: source, boards, counters, notes, flags, deltas and what it is made of.

    Example: plugtone release show 2.0.0
    """
    with FleetClient.from_environment() as fleet:
        release = fleet.get(f"/v1/releases/{version}")
    if sbom:
        documents = [image["record"]["sbom"] for image in release["images"] if image["record"]]
        typer.echo(json.dumps(documents[0] if len(documents) == 1 else documents))
        return
    show(as_json, release, *show_release(release))
