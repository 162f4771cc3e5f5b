"""`plugtone cancel`: note an account's cancellation, withdraw it, see what it costs and when it takes effect."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, dollars, show_list, show_one

cancel = typer.Typer(no_args_is_help=True, add_completion=False)

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="As AC-1.")]
CancellationArgument = Annotated[str, typer.Argument(metavar="CANCELLATION", help="As CN-1.")]
AdministratorOption = Annotated[str, typer.Option(help="The account's Administrator who asks, as PE-2.")]


@cancel.callback()
def describe() -> None:
    """Note cancellations as they come by phone or distributor, and withdraw them."""


@cancel.command("request")
def request(
    account: AccountArgument,
    administrator: AdministratorOption,
    proof: Annotated[str | None, typer.Option(help="Of a call: account_pin or security_questions")] = None,
    distributor: Annotated[str, typer.Option(help="Who passed it on, instead of a call: DI-1 or a name.")] = "",
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="When the call began, with its zone; now if not given."),
    ] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day asked for; the earliest if not given.")
    ] = None,
    unit: Annotated[list[str] | None, typer.Option(help="End the service of this unit only.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Note a cancellation; it replaces those that wait. The answer says when it takes effect, and what it costs.

    Example: plugtone cancel request AC-1 --administrator PE-2 --proof security_questions --date 2027-03-01
    """
    body: dict[str, Any] = {
        "at": (at or datetime.now().astimezone()).isoformat(),
        "channel": "distributor" if distributor else "phone",
        "administrator": administrator,
        "asked_for": date.date().isoformat() if date else None,
        "units": unit or None,
        "proof": proof,
        "passed_on_by": distributor,
    }
    with FleetClient.from_environment() as fleet:
        _show(fleet.post(f"/v1/accounts/{account}/cancellations", body), as_json)


@cancel.command("withdraw")
def withdraw(
    cancellation: CancellationArgument, administrator: AdministratorOption, as_json: JsonOption = False
) -> None:
    """Take a cancellation back before it takes effect.

    Example: plugtone cancel withdraw CN-1 --administrator PE-2
    """
    with FleetClient.from_environment() as fleet:
        _show(fleet.post(f"/v1/cancellations/{cancellation}/withdraw", {"administrator": administrator}), as_json)


@cancel.command("waive")
def waive(
    cancellation: CancellationArgument,
    change: Annotated[str | None, typer.Option(help="The change it is over, as CH-1.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Or: when force majeure began.")] = None,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="When the account said so; now if not given."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Record that a cancellation is over a change that harms the account, or over force majeure: without a fee.

    Example: plugtone cancel waive CN-1 --change CH-1
    """
    said_at = (at or datetime.now().astimezone()).isoformat()
    body = {"at": said_at, "change_notice": change, "since": since.date().isoformat() if since else None}
    with FleetClient.from_environment() as fleet:
        _show(fleet.post(f"/v1/cancellations/{cancellation}/claim-waiver", body), as_json)


@cancel.command("show")
def show(cancellation: CancellationArgument, as_json: JsonOption = False) -> None:
    """Show one cancellation and what it costs.

    Example: plugtone cancel show CN-1
    """
    with FleetClient.from_environment() as fleet:
        _show(fleet.get(f"/v1/cancellations/{cancellation}"), as_json)


@cancel.command("list")
def list_cancellations(account: AccountArgument, as_json: JsonOption = False) -> None:
    """List the cancellations of an account.

    Example: plugtone cancel list AC-1
    """
    columns = ("id", "state", "noticed_at", "channel", "whole_account", "ends_on", "total")
    with FleetClient.from_environment() as fleet:
        found = list(fleet.items(f"/v1/accounts/{account}/cancellations"))
    if not as_json:
        found = [{**line, "total": dollars(line["total_cents"])} for line in found]
    show_list(found, columns, as_json)


def _show(found: dict[str, Any], as_json: bool) -> None:
    show_one(found, as_json)
    if not as_json:
        typer.echo(f"{found['id']} ends service on {found['ends_on']}: {dollars(found['total_cents'])} in all")
