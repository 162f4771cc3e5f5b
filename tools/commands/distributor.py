"""`plugtone distributor`: the register of Authorized Distributors, who sell and pass cancellations on."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one

distributor = typer.Typer(no_args_is_help=True, add_completion=False)


@distributor.callback()
def describe() -> None:
    """Register Authorized Distributors, list them, end an authorization."""


@distributor.command("register")
def register(name: Annotated[str, typer.Argument(help="The distributor's name.")], as_json: JsonOption = False) -> None:
    """Register a distributor: it may sell, and pass a cancellation on to us.

    Example: plugtone distributor register "Phones & More"
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post("/v1/distributors", {"name": name}), as_json)


@distributor.command("list")
def list_distributors(as_json: JsonOption = False) -> None:
    """List all that ever were authorized.

    Example: plugtone distributor list
    """
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/distributors"), ("id", "name", "state", "registered_at", "ended_at"), as_json)


@distributor.command("end")
def end(
    distributor_id: Annotated[str, typer.Argument(metavar="DISTRIBUTOR", help="As DI-1.")], as_json: JsonOption = False
) -> None:
    """End an authorization; what was sold and passed on stands.

    Example: plugtone distributor end DI-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/distributors/{distributor_id}/end"), as_json)
