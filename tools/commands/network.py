"""`plugtone network`: the operator's table of networks, and the countries whose units get no service."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.client import FleetClient
from tools.commands.number import DryRunOption, FileArgument, ReasonOption, upload
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.errors import ToolError

network = typer.Typer(no_args_is_help=True, add_completion=False)

CountryArgument = Annotated[str, typer.Argument(metavar="COUNTRY", help="Two letters, as CU.")]


@network.callback()
def describe() -> None:
    """Say which networks are where, and where units get no service."""


@network.command("load")
def load(path: FileArgument, dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Replace the table: columns `prefix`, `country` and `network`, all rows or none.

    Example: plugtone network load networks.csv --dry-run
    """
    with FleetClient.from_environment() as fleet:
        answer = upload(fleet, "/v1/network-imports", path, dry_run)
    show_one(answer, as_json)
    if answer["refused"]:
        raise ToolError("the table is as it was; mend the lines that are refused and send the file again")


@network.command("blocks")
def list_blocks(as_json: JsonOption = False) -> None:
    """List the countries whose units get no service.

    Example: plugtone network blocks
    """
    with FleetClient.from_environment() as fleet:
        show_list(fleet.get("/v1/export-blocks")["items"], ("country", "why", "actor", "at"), as_json)


@network.command("block")
def block(country: CountryArgument, reason: ReasonOption) -> None:
    """Take service from the units in a country.

    Example: plugtone network block CU --reason "export block list of 2026-03"
    """
    with FleetClient.from_environment() as fleet:
        fleet.put(f"/v1/export-blocks/{country}", {"reason": reason})


@network.command("unblock")
def unblock(country: CountryArgument) -> None:
    """Give service to the units in a country again.

    Example: plugtone network unblock CU
    """
    with FleetClient.from_environment() as fleet:
        fleet.delete(f"/v1/export-blocks/{country}")
