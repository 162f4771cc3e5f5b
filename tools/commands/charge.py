"""`plugtone charge`: what accounts were charged, credited and refunded, with the reason of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, OutputOption, dollars, show_list, write_out

charge = typer.Typer(no_args_is_help=True, add_completion=False)

DAY = ["%Y-%m-%d"]
SinceOption = Annotated[datetime | None, typer.Option(formats=DAY, help="The first day.")]
UntilOption = Annotated[datetime | None, typer.Option(formats=DAY, help="The last day.")]


@charge.callback()
def describe() -> None:
    """List and export charge events: each once, with rule, inputs and policy."""


@charge.command("list")
def list_charges(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="As AC-1.")],
    kind: Annotated[str | None, typer.Option(help="charge, credit or refund")] = None,
    rule: Annotated[str | None, typer.Option(help="As reimbursement_fee.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what an account was charged, credited and refunded.

    Example: plugtone charge list AC-1 --since 2027-01-01
    """
    wanted = _wanted(since, until, kind=kind, rule=rule)
    with FleetClient.from_environment() as fleet:
        found = list(fleet.items(f"/v1/accounts/{account}/charges", **wanted))
    if not as_json:
        found = [{**line, "amount": dollars(line["amount_cents"])} for line in found]
    show_list(found, ("date", "kind", "rule", "subject", "amount", "reason"), as_json)


@charge.command("export")
def export(
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    output: OutputOption = None,
) -> None:
    """Write charge events as CSV, of one account or of all.

    Example: plugtone charge export --since 2027-01-01 --output charges.csv
    """
    query = urlencode(_wanted(since, until, account=account))
    with FleetClient.from_environment() as fleet:
        write_out(fleet.download_pieces(f"/v1/charge-export?{query}"), output)


def _wanted(since: datetime | None, until: datetime | None, **exact: str | None) -> dict[str, Any]:
    days = {"since": since, "until": until}
    found: dict[str, Any] = {name: day.date().isoformat() for name, day in days.items() if day is not None}
    return found | {name: value for name, value in exact.items() if value is not None}
