"""`plugtone policy`: the amounts and periods of the rules, and the dates they take effect."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one

policy = typer.Typer(no_args_is_help=True, add_completion=False)
minimum = typer.Typer(no_args_is_help=True, help="Which version units must run from a day on.")
policy.add_typer(minimum, name="minimum-version")

MINIMUM_COLUMNS = ("id", "release", "board", "begins_on", "state", "author", "approver", "reason")
MinimumArgument = Annotated[str, typer.Argument(help="The minimum version, as MV-1.")]


@policy.callback()
def describe() -> None:
    """Look at amounts and periods of the rules, and set them from a later date on."""


@policy.command("list")
def list_values(
    date: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; today if not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List every value in force on a day, and the next one that takes over.

    Example: plugtone policy list --date 2027-01-01
    """
    wanted = {"date": date.date().isoformat()} if date else {}
    with FleetClient.from_environment() as fleet:
        found = fleet.get("/v1/policy", **wanted)
    if as_json:
        show_one(found, as_json)
        return
    lines = [{**line, "next": (line["coming"] or [{}])[0]} for line in found["values"]]
    show_list(lines, ("name", "value", "effective_from", "next.value", "next.effective_from"), as_json)


@policy.command("set")
def set_value(
    name: Annotated[str, typer.Argument(help="As `plugtone policy list` shows it.")],
    value: Annotated[int, typer.Argument(help="In the unit the name ends in: cents, days, months, hours.")],
    effective: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="A day after today.")],
    as_json: JsonOption = False,
) -> None:
    """Set a value from a later day on; what was decided before stays as it was.

    Example: plugtone policy set replacement_value_cents 7000 --from 2027-01-01
    """
    body = {"name": name, "value": value, "effective_from": effective.date().isoformat()}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post("/v1/policy", body), as_json)


@minimum.command("list")
def list_minima(as_json: JsonOption = False) -> None:
    """List the minimum versions there are and were, newest first.

    Example: plugtone policy minimum-version list
    """
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/minimum-versions"), MINIMUM_COLUMNS, as_json)


@minimum.command("propose")
def propose(
    release: Annotated[str, typer.Argument(help="The release; units run it or a newer one from then on.")],
    begins: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="30 days from today or later.")],
    board: Annotated[str | None, typer.Option(help="Only this board; all of the release if not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """End support of what is older; somebody else has to approve it. A security release is mandatory then.

    Example: plugtone policy minimum-version propose 2.0.0 --from 2027-01-01
    """
    body = {"release": release, "board": board, "begins_on": begins.date().isoformat()}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post("/v1/minimum-versions", body), as_json)


@minimum.command("approve")
def approve(name: MinimumArgument, as_json: JsonOption = False) -> None:
    """Approve another person's minimum version: the accounts are told.

    Example: plugtone policy minimum-version approve MV-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/minimum-versions/{name}/approve"), as_json)


@minimum.command("withdraw")
def withdraw(
    name: MinimumArgument,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    as_json: JsonOption = False,
) -> None:
    """Ask it of nobody any more; units that lost voice over it get it back.

    Example: plugtone policy minimum-version withdraw MV-1 --reason "2.0.1 follows"
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/minimum-versions/{name}/withdraw", {"reason": reason}), as_json)
