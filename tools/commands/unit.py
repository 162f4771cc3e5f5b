"""`plugtone unit`: look at adapters and tell them what to do."""

from __future__ import annotations

from textwrap import fill
from typing import Annotated

import typer

from protocol.wire.enumerations import COMMANDS
from tools.client import FleetClient
from tools.commands.presentation import JsonOption, dollars, show_list, show_one
from tools.commands.refurbish import refurbish
from tools.errors import ToolError

unit = typer.Typer(no_args_is_help=True, add_completion=False)

SerialArgument = Annotated[str, typer.Argument(help="Serial number or MAC address, as on the label.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept.")]

AdministratorOption = Annotated[
    str | None, typer.Option(help="Who of the account says so, as PE-2; needed where it has several.")
]

unit.add_typer(refurbish, name="refurbish")

WIDTH = 80
QUALITY_COLUMNS = ("day", "calls", "answered", "mos_mean", "mos_worst", "loss_percent", "jitter_ms", "words")
COLUMNS = ("serial", "mac", "board", "custody", "service", "trust", "account", "version", "epoch")


@unit.callback()
def describe() -> None:
    """Look at adapters, command them, quarantine or revoke them, resolve clone alarms."""


@unit.command("list")
def list_units(
    custody: Annotated[str | None, typer.Option(help="Only those in_stock, shipped, at_account ...")] = None,
    account: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the units in your scope.

    Example: plugtone unit list --custody in_stock
    """
    wanted = {name: value for name, value in (("custody", custody), ("account", account)) if value}
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/units", **wanted), COLUMNS, as_json)


@unit.command("show")
def show(serial: SerialArgument, as_json: JsonOption = False) -> None:
    """Show all that is known of one unit.

    Example: plugtone unit show PT000000018
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/units/{serial_of(fleet, serial)}"), as_json)


@unit.command("line")
def line(serial: SerialArgument, as_json: JsonOption = False) -> None:
    """Show what the line of a unit may do and why, and where it stands at the registrar.

    Example: plugtone unit line PT000000018
    """
    with FleetClient.from_environment() as fleet:
        found = fleet.get(f"/v1/units/{serial_of(fleet, serial)}")["line"]
    if as_json:
        show_one(found, as_json)
    else:
        typer.echo(f"{found['level'].replace('_', ' ')}: {found['reason']} ({found['rule']})")
        if found["account_since"] is not None:
            state = (found["state"] or "not heard of yet").replace("_", " ")
            typer.echo(f"at the registrar: {state}; its account is of {found['account_since']}")


@unit.command("calls")
def calls(
    serial: SerialArgument,
    days: Annotated[int, typer.Option(min=1, max=92, help="Today and the days before it.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Show how the calls of a unit sounded, in words and day by day; that you looked is kept.

    Example: plugtone unit calls PT000000018 --days 7
    """
    with FleetClient.from_environment() as fleet:
        found = fleet.get(f"/v1/units/{serial_of(fleet, serial)}/call-quality", days=days)
    if as_json:
        show_one(found, as_json)
        return
    typer.echo(f"{found['unit']} since {found['since']}: {found['words']}")
    show_list(found["days"], QUALITY_COLUMNS, as_json)


@unit.command("location")
def location(serial: SerialArgument, as_json: JsonOption = False) -> None:
    """Show where 911 sends help for a unit; that you looked is kept.

    Example: plugtone unit location PT000000018
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/units/{serial_of(fleet, serial)}/location"), as_json)


@unit.command("locate")
def locate(
    serial: SerialArgument,
    address: Annotated[str, typer.Option(help="Where 911 sends help.")],
    acknowledged: Annotated[bool, typer.Option("--acknowledged", help="The 911 disclosure is acknowledged.")] = False,
    administrator: AdministratorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say where a unit is, on the network it is on now.

    Example: plugtone unit locate PT000000018 --address "1 Main St, Springfield" --acknowledged
    """
    body = {"address": address, "disclosure_acknowledged": acknowledged, "administrator": administrator}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.put(f"/v1/units/{serial_of(fleet, serial)}/location", body), as_json)


@unit.command("confirm-location")
def confirm_location(
    serial: SerialArgument, administrator: AdministratorOption = None, as_json: JsonOption = False
) -> None:
    """The address still holds on another network, and the 911 disclosure is acknowledged.

    Example: plugtone unit confirm-location PT000000018
    """
    with FleetClient.from_environment() as fleet:
        path = f"/v1/units/{serial_of(fleet, serial)}/confirm-location"
        show_one(fleet.post(path, {"administrator": administrator}), as_json)


@unit.command("channel")
def channel(
    serial: SerialArgument,
    name: Annotated[str, typer.Argument(help="stable, or beta: gets beta releases as well.")],
    administrator: AdministratorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Opt a unit into beta releases, or out: it then goes back to the newest stable release it may run.

    Example: plugtone unit channel PT000000018 beta --administrator PE-2
    """
    with FleetClient.from_environment() as fleet:
        path = f"/v1/units/{serial_of(fleet, serial)}/channel"
        chosen = fleet.put(path, {"channel": name, "administrator": administrator})
    if as_json:
        show_one(chosen, as_json)
    else:
        typer.echo(f"On channel {chosen['channel']}" + (f"; {chosen['words']}" if chosen["words"] else ""))


@unit.command("remove-line")
def remove_line(serial: SerialArgument, administrator: AdministratorOption = None, as_json: JsonOption = False) -> None:
    """Take the last line from a unit: its service ends now, and its fee is due.

    Example: plugtone unit remove-line PT000000018 --administrator PE-2
    """
    with FleetClient.from_environment() as fleet:
        path = f"/v1/units/{serial_of(fleet, serial)}/remove-line"
        removed = fleet.post(path, {"administrator": administrator})
    if as_json:
        show_one(removed, as_json)
        return
    typer.echo(f"The service of {removed['unit']} has ended; {dollars(removed['total_cents'])} is charged.")
    for reason in removed["reasons"]:
        typer.echo(fill(reason, WIDTH))


@unit.command("command")
def command(
    serial: SerialArgument,
    what: Annotated[str, typer.Argument(help=f"One of {', '.join(COMMANDS)}.")],
    argument: Annotated[int, typer.Option(min=0, max=0xFFFFFFFF, help="As `identify` takes seconds.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Send a command; its result is seen with `plugtone unit show`.

    Example: plugtone unit command PT000000018 identify --argument 30
    """
    if what not in COMMANDS:
        raise ToolError(f"no command is called {what!r}; known: {', '.join(COMMANDS)}")
    with FleetClient.from_environment() as fleet:
        path = f"/v1/units/{serial_of(fleet, serial)}/commands"
        show_one(fleet.post(path, {"command": what, "argument": argument}), as_json)


@unit.command("quarantine")
def quarantine(serial: SerialArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Take line and configuration from a unit in doubt, until it is cleared.

    Example: plugtone unit quarantine PT000000018 --reason "seen from two addresses"
    """
    _act(serial, "quarantine", reason, as_json)


@unit.command("clear")
def clear(serial: SerialArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """End a quarantine.

    Example: plugtone unit clear PT000000018 --reason "explained"
    """
    _act(serial, "clear", reason, as_json)


@unit.command("revoke")
def revoke(serial: SerialArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """End a unit's identity for ever.

    Example: plugtone unit revoke PT000000018 --reason "stolen"
    """
    _act(serial, "revoke", reason, as_json)


@unit.command("claim")
def claim(
    serial: Annotated[str, typer.Argument(help="As on the label.")],
    code: Annotated[
        str,
        typer.Option(
            envvar="PLUGTONE_CLAIM_CODE",
            prompt=True,
            hide_input=True,
            help="What the label's QR says behind the serial number; asked for.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Take a unit that is nobody's into your account, by the code on its label.

    Example: plugtone unit claim PT000000018
    """
    with FleetClient.from_environment() as fleet:
        claimed = fleet.post("/v1/units/claim", {"serial": serial.upper(), "code": code})
        show_one(claimed, as_json)


@unit.command("alarms")
def alarms(
    open_only: Annotated[bool, typer.Option("--open", help="Only those nobody has resolved yet.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the clone alarms: who is quarantined as a copy, and on what evidence.

    Example: plugtone unit alarms --open
    """
    with FleetClient.from_environment() as fleet:
        found = fleet.items("/v1/clone-alarms", open_only=open_only)
        last = "claimed" if open_only else "resolution"
        show_list(found, ("id", "unit", "evidence", "raised_at", last), as_json)


@unit.command("resolve")
def resolve(
    alarm: Annotated[str, typer.Argument(help="As CA-1.")],
    found: Annotated[str, typer.Option("--as", help="What you found: false_alarm, new_epoch or revoked.")],
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """End the quarantine of a clone alarm as you found it.

    Example: plugtone unit resolve CA-1 --as false_alarm --reason "two starts on the bench"
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/clone-alarms/{alarm}/resolve", {"resolution": found, "reason": reason}), as_json)


def serial_of(fleet: FleetClient, text: str) -> str:
    """The serial number `text` stands for: itself, or that of the unit with this MAC address."""
    if text.upper().startswith("PT"):
        return text.upper()
    return str(fleet.get(f"/v1/units/by-mac/{text}")["serial"])


def _act(serial: str, what: str, reason: str, as_json: bool) -> None:
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/units/{serial_of(fleet, serial)}/{what}", {"reason": reason}), as_json)
