"""`plugtone destination`: what an account may not call, and what calls cost where they are metered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.charge import DAY
from tools.commands.number import DryRunOption, FileArgument, ReasonOption, upload
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.errors import ToolError

destination = typer.Typer(no_args_is_help=True, add_completion=False)

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="As AC-1.")]
COLUMNS = ("id", "account", "destination", "why", "blocked_by", "blocked_at", "lifted_at")


@destination.callback()
def describe() -> None:
    """Block and unblock destinations of an account; load and list the metered ones."""


@destination.command("list")
def list_blocks(
    account: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were lifted.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List what accounts may not call.

    Example: plugtone destination list --account AC-1
    """
    wanted: dict[str, Any] = {"in_force": not everything} | ({} if account is None else {"account": account})
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/destination-blocks", **wanted), COLUMNS, as_json)


@destination.command("block")
def block(
    account: AccountArgument,
    where: Annotated[
        str, typer.Argument(metavar="DESTINATION", help="The beginning of numbers, +8821, or a country, CU.")
    ],
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Block a destination for an account at once; emergency calls go through whatever is blocked.

    Example: plugtone destination block AC-1 +8821 --reason "40 calls to a satellite phone in an hour"
    """
    with FleetClient.from_environment() as fleet:
        body = {"destination": where, "reason": reason}
        show_one(fleet.post(f"/v1/accounts/{account.upper()}/destination-blocks", body), as_json)


@destination.command("unblock")
def unblock(
    account: AccountArgument,
    where: Annotated[str, typer.Argument(metavar="DESTINATION", help="As it is listed: +8821, or CU.")],
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """End a block of an account at once.

    Example: plugtone destination unblock AC-1 +8821 --reason "it was their own ship"
    """
    with FleetClient.from_environment() as fleet:
        wanted = where.strip().upper()
        in_force = fleet.items("/v1/destination-blocks", account=account.upper())
        held = next((each for each in in_force if each["destination"] == wanted), None)
        if held is None:
            raise ToolError(f"{account.upper()} has no block of {wanted}; see `plugtone destination list`")
        show_one(fleet.post(f"/v1/destination-blocks/{held['id']}/unblock", {"reason": reason}), as_json)


@destination.command("metered")
def metered(
    on: Annotated[datetime | None, typer.Option(formats=DAY, help="Without what takes effect after that day.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the metered destinations, with dollars a minute begun.

    Example: plugtone destination metered --on 2027-01-31
    """
    wanted = {} if on is None else {"on": f"{on:%Y-%m-%d}"}
    with FleetClient.from_environment() as fleet:
        found = fleet.items("/v1/metered-destinations", **wanted)
        show_list(found, ("prefix", "name", "price", "effective_from"), as_json)


@destination.command("import")
def import_metered(path: FileArgument, dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Add metered destinations: columns `prefix`, `name`, `price` and `effective_from`, all rows or none.

    Example: plugtone destination import metered.csv --dry-run
    """
    with FleetClient.from_environment() as fleet:
        answer = upload(fleet, "/v1/metered-destination-imports", path, dry_run)
    show_one(answer, as_json)
    if answer["refused"]:
        raise ToolError("the table is as it was; mend the lines that are refused and send the file again")
