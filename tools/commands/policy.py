"""`plugtone policy`: the amounts and periods of the rules, and the dates they take effect."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one

policy = typer.Typer(no_args_is_help=True, add_completion=False)


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
