"""`plugtone number`: the operator's phone numbers, who has which, and porting."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.commands.unit import AdministratorOption, SerialArgument, serial_of
from tools.errors import ToolError

number = typer.Typer(no_args_is_help=True, add_completion=False)

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="As +15555550100.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file.")]


@number.callback()
def describe() -> None:
    """Take numbers in, give them to lines, note what came of porting."""


@number.command("list")
def list_numbers(
    state: Annotated[str | None, typer.Option(help="Only those inventory, assigned, porting_in ...")] = None,
    account: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the numbers in your scope.

    Example: plugtone number list --state inventory
    """
    wanted = {name: value for name, value in (("state", state), ("account", account)) if value}
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/numbers", **wanted), ("id", "number", "state", "account", "line", "own"), as_json)


@number.command("show")
def show(number_text: NumberArgument, as_json: JsonOption = False) -> None:
    """Show one number and its history.

    Example: plugtone number show +15555550100
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(_path(fleet, number_text)), as_json)


@number.command("import")
def import_numbers(path: FileArgument, dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Take in ranges of the operator's own: columns `first` and `last`, all ranges or none.

    Example: plugtone number import numbers.csv --dry-run
    """
    with FleetClient.from_environment() as fleet:
        answer = upload(fleet, "/v1/number-imports", path, dry_run)
    if as_json:
        show_one(answer, as_json)
    else:
        for each in answer["ranges"]:
            typer.echo(f"line {each['line']}: {each['range']}: {each['reason'] or '{} new'.format(each['new'])}")
        typer.echo(f"{answer['taken_in']} numbers taken in")
    if any(each["reason"] for each in answer["ranges"]):
        raise ToolError("nothing was taken in; mend the lines that are refused and send the file again")


@number.command("assign")
def assign(
    serial: SerialArgument,
    number_text: Annotated[
        str | None, typer.Option("--number", help="The first of the inventory if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give the line of a unit a number.

    Example: plugtone number assign PT000000018 --number +15555550100
    """
    with FleetClient.from_environment() as fleet:
        path = f"/v1/units/{serial_of(fleet, serial)}/assign-number"
        show_one(fleet.post(path, {"number": number_text}), as_json)


@number.command("port-in")
def port_in(
    serial: SerialArgument,
    number_text: NumberArgument,
    administrator: AdministratorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note a number that is being ported in: outgoing calls only until it takes effect.

    Example: plugtone number port-in PT000000018 +15555550177 --administrator PE-2
    """
    with FleetClient.from_environment() as fleet:
        path = f"/v1/units/{serial_of(fleet, serial)}/port-in"
        show_one(fleet.post(path, {"number": number_text, "administrator": administrator}), as_json)


@number.command("take-effect")
def take_effect(number_text: NumberArgument, as_json: JsonOption = False) -> None:
    """The port in is effective.

    Example: plugtone number take-effect +15555550177
    """
    _step(number_text, "take-effect", None, as_json)


@number.command("fail-port")
def fail_port(number_text: NumberArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """The port in failed.

    Example: plugtone number fail-port +15555550177 --reason "the other carrier refuses"
    """
    _step(number_text, "fail-port", {"reason": reason}, as_json)


@number.command("port-out")
def port_out(
    number_text: NumberArgument, administrator: AdministratorOption = None, as_json: JsonOption = False
) -> None:
    """The number went to another carrier; service goes on until it is cancelled.

    Example: plugtone number port-out +15555550100 --administrator PE-2
    """
    _step(number_text, "port-out", {"administrator": administrator}, as_json)


@number.command("release")
def release(number_text: NumberArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Take a number from its line.

    Example: plugtone number release +15555550100 --reason "the customer wants another"
    """
    _step(number_text, "release", {"reason": reason}, as_json)


@number.command("restock")
def restock(number_text: NumberArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Put a released number of the operator's own back into the inventory.

    Example: plugtone number restock +15555550100 --reason "quiet for 90 days"
    """
    _step(number_text, "restock", {"reason": reason}, as_json)


def upload(fleet: FleetClient, path: str, file: Path, dry_run: bool) -> Any:
    """What the fleet says of a file; sent again it changes nothing more."""
    content = {"file": (file.name, file.read_bytes())}
    return fleet.post(path, repeatable=True, files=content, params={"dry_run": dry_run})


def _path(fleet: FleetClient, text: str) -> str:
    """Where the number is that is written so, or called so, as NU-7."""
    if text.upper().startswith("NU-"):
        return f"/v1/numbers/{text.upper()}"
    found = fleet.get("/v1/numbers", number=text)["items"]
    if not found:
        raise ToolError(f"the fleet has no number {text} in your scope")
    return f"/v1/numbers/{found[0]['id']}"


def _step(text: str, verb: str, body: dict[str, Any] | None, as_json: bool) -> None:
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"{_path(fleet, text)}/{verb}", body), as_json)
