"""The command `plugtone update`: why a unit runs what it runs."""

from __future__ import annotations

import json

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption
from tools.commands.unit import SerialArgument, serial_of

update = typer.Typer(no_args_is_help=True, add_completion=False)


@update.callback()
def describe() -> None:
    """Why a unit runs what it runs."""


@update.command("explain")
def explain(serial: SerialArgument, as_json: JsonOption = False) -> None:
    """Say in one sentence why the unit is where it is; exit status 1 if there is no such unit.

    Example: plugtone update explain PT000000018
    """
    with FleetClient.from_environment() as fleet:
        found = fleet.get(f"/v1/units/{serial_of(fleet, serial)}/update")
    typer.echo(json.dumps(found, indent=2) if as_json else found["sentence"])
