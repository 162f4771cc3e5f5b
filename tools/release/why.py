"""The command `plugtone rollout why`: what keeps units from where their rollouts want them, and what to do."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

import typer

from tools.client import FleetClient, RefusedError
from tools.commands.unit import serial_of

UnitsArgument = Annotated[list[str], typer.Argument(metavar="UNIT...", help="Serial numbers or MAC addresses.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON array, an object for each unit there is.")]


def why(unit: UnitsArgument, as_json: JsonOption = False) -> None:
    """Say of each unit what keeps it from its release, and what to do; exit status 1 if one is unknown.

    Example: plugtone rollout why PT000000018
    """
    found: list[dict[str, Any]] = []
    unknown = False
    with FleetClient.from_environment() as fleet:
        for each in unit:
            try:
                found.append(fleet.get(f"/v1/units/{serial_of(fleet, each)}/update"))
            except RefusedError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                unknown = True
                typer.echo(f"{each}: {error}", err=True)
    typer.echo(json.dumps(found, indent=2) if as_json else "\n".join(_lines(each) for each in found))
    raise typer.Exit(1 if unknown else 0)


def _lines(found: dict[str, Any]) -> str:
    """The sentence, then the cause and the remedy; the sentence alone of a unit that is where it is wanted."""
    if found["cause"] is None:
        return str(found["sentence"])
    ends = f", until {found['until']}" if found["until"] else ""
    return f"{found['sentence']}\n  cause: {found['cause']}{ends}\n  to do ({found['who']}): {found['remedy']}"
