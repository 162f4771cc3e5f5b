"""`plugtone term` and `plugtone quote`: a unit's minimum equipment term, and what ending an account would cost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, dollars, show_list, show_one
from tools.commands.unit import SerialArgument, serial_of


def term(serial: SerialArgument, as_json: JsonOption = False) -> None:
    """Show a unit's minimum equipment term and its fee should service end today.

    Example: plugtone term PT000000018
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/units/{serial_of(fleet, serial)}/term"), as_json)


def quote(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="As AC-1.")],
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day service would end; today if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Quote the fee for each of an account's units should its service end on a day.

    Example: plugtone quote AC-1 --date 2027-03-01
    """
    wanted = {"date": date.date().isoformat()} if date else {}
    with FleetClient.from_environment() as fleet:
        found = fleet.get(f"/v1/accounts/{account}/quote", **wanted)
    if as_json:
        show_one(found, as_json)
        return
    units = [{**line, "fee": dollars(line["fee_cents"])} for line in found["units"]]
    show_list(units, ("serial", "fee", "state", "term_from", "term_until", "reason"), as_json)
    typer.echo(f"{found['account']} on {found['date']}: {dollars(found['total_cents'])} in all")
