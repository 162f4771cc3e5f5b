"""`plugtone call`: who called when, how long, and how it sounded; never what was said. Each look is kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from tools.client import FleetClient
from tools.commands.charge import SinceOption, UntilOption
from tools.commands.presentation import JsonOption, OutputOption, show_list, show_one, write_out
from tools.commands.unit import serial_of
from tools.errors import ToolError

call = typer.Typer(no_args_is_help=True, add_completion=False)

AccountOption = Annotated[
    str | None, typer.Option(help="As AC-1; an Administrator's own, if not given.", metavar="ACCOUNT")
]
UnitOption = Annotated[str | None, typer.Option(help="Only of this unit: serial number or MAC address.")]
DirectionOption = Annotated[str | None, typer.Option(help="out or in")]
COLUMNS = ("id", "started", "unit", "direction", "number", "lasted", "ended_by", "sound", "metered_minutes")
USAGE_COLUMNS = ("month", "calls", "outgoing_minutes", "incoming_minutes", "metered_minutes", "destination", "cost")
PAGE_LIMIT = 200


@call.callback()
def describe() -> None:
    """List, show and export calls, and what they come to by month."""


@call.command("list")
def list_calls(
    account: AccountOption = None,
    unit: UnitOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    direction: DirectionOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List calls of an account, the latest first; of a unit alone, those at the account it is at now.

    Example: plugtone call list --account AC-1 --since 2027-01-01 --direction out
    """
    with FleetClient.from_environment() as fleet:
        path, wanted = _wanted(fleet, account, unit, since, until, direction)
        found = _some(fleet.items(path, **wanted, limit=min(limit, PAGE_LIMIT)), limit)
    show_list(found if as_json else map(_in_words, found), COLUMNS, as_json)


@call.command("show")
def show(call_id: Annotated[str, typer.Argument(metavar="CALL", help="As CL-1.")], as_json: JsonOption = False) -> None:
    """Show one call with all its figures.

    Example: plugtone call show CL-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/calls/{call_id.upper()}"), as_json)


@call.command("export")
def export(
    account: AccountOption = None,
    unit: UnitOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    direction: DirectionOption = None,
    output: OutputOption = None,
) -> None:
    """Write the calls of an account as CSV, the latest first.

    Example: plugtone call export --account AC-1 --since 2027-01-01 --output calls.csv
    """
    with FleetClient.from_environment() as fleet:
        wanted = _filters(since, until, account=account, direction=direction)
        if unit is not None:
            wanted["unit"] = serial_of(fleet, unit)
        write_out(fleet.download_pieces(f"/v1/call-export?{urlencode(wanted)}"), output)


@call.command("usage")
def usage(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="As AC-1.")],
    months: Annotated[int, typer.Option(min=1, max=24, help="This month and those before it.")] = 6,
    as_json: JsonOption = False,
) -> None:
    """Add up the calls of an account by month; the metered ones by destination, in full minutes.

    Example: plugtone call usage AC-1 --months 3
    """
    with FleetClient.from_environment() as fleet:
        found = fleet.get(f"/v1/accounts/{account.upper()}/call-usage", months=months)["items"]
    show_list(found if as_json else _usage_lines(found), USAGE_COLUMNS, as_json)


def _wanted(
    fleet: FleetClient,
    account: str | None,
    unit: str | None,
    since: datetime | None,
    until: datetime | None,
    direction: str | None,
) -> tuple[str, dict[str, Any]]:
    wanted = _filters(since, until, direction=direction)
    if unit is None:
        return "/v1/calls", wanted | ({} if account is None else {"account": account})
    serial = serial_of(fleet, unit)
    if account is None:
        return f"/v1/units/{serial}/calls", wanted
    return "/v1/calls", {**wanted, "account": account, "unit": serial}


def _filters(since: datetime | None, until: datetime | None, **exact: str | None) -> dict[str, Any]:
    if since is not None and until is not None and until < since:
        raise ToolError(f"the last day, {until:%Y-%m-%d}, is before the first, {since:%Y-%m-%d}")
    days = {name: f"{day:%Y-%m-%d}" for name, day in (("since", since), ("until", until)) if day is not None}
    return days | {name: value for name, value in exact.items() if value is not None}


def _some(items: Iterable[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    return [each for _, each in zip(range(limit), items, strict=False)]


def _in_words(each: dict[str, Any]) -> dict[str, Any]:
    lost = each["packets_lost"] + each["packets_discarded"]
    sound = f"MOS {each['mos_tenths'] / 10}" if each["mos_tenths"] else ""
    known = "" if each["start_taken_from"] == "unit" else " (about)"
    return {
        **each,
        "started": f"{each['started_at'][:16].replace('T', ' ')} UTC{known}",
        "lasted": _lasted(each["duration_ms"]) if each["duration_ms"] else "not answered",
        "sound": f"{sound}, {lost} lost" if sound and lost else sound,
    }


def _lasted(ms: int) -> str:
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes}:{seconds:02}"


def _usage_lines(months: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for month in months:
        yield {**month, "destination": "", "cost": f"${sum(Decimal(each['cost']) for each in month['metered']):.2f}"}
        for each in month["metered"]:
            name = f"{each['prefix']} {each['name']} at ${each['price']}"
            yield {
                "calls": each["calls"],
                "metered_minutes": each["minutes"],
                "destination": name,
                "cost": f"${each['cost']}",
            }
