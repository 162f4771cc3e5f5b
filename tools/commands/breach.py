"""`plugtone breach`: notices of breach, what came of them, and the end of service for one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one

breach = typer.Typer(no_args_is_help=True, add_completion=False)

NoticeArgument = Annotated[str, typer.Argument(metavar="NOTICE", help="As BN-1.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept.")]


@breach.callback()
def describe() -> None:
    """Give written notice of a breach; see what is due; cure it, or end the service."""


@breach.command("notify")
def notify(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="As AC-1.")],
    kind: Annotated[str, typer.Option("--breach", help="non_payment or other")],
    reason: Annotated[str, typer.Option(help="What the account did, in the words it is told.")],
    as_json: JsonOption = False,
) -> None:
    """Write to the account's Administrators what to put right, and by when.

    Example: plugtone breach notify AC-1 --breach non_payment --reason "invoice 17 of 1 March is unpaid"
    """
    with FleetClient.from_environment() as fleet:
        found = fleet.post(f"/v1/accounts/{account}/breach-notices", {"breach": kind, "reason": reason})
    _show(found, as_json)


@breach.command("list")
def list_notices(
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only those whose last day is over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List notices of breach; with --due those that wait for somebody's decision.

    Example: plugtone breach list --due
    """
    wanted: dict[str, Any] = {"due": due} | ({} if account is None else {"account": account})
    with FleetClient.from_environment() as fleet:
        found = fleet.items("/v1/breach-notices", **wanted)
        show_list(found, ("id", "account", "breach", "state", "last_day", "due", "why"), as_json)


@breach.command("show")
def show(notice: NoticeArgument, as_json: JsonOption = False) -> None:
    """Show one notice and what came of it.

    Example: plugtone breach show BN-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/breach-notices/{notice}"), as_json)


@breach.command("cure")
def cure(notice: NoticeArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Record that the breach was put right: service goes on.

    Example: plugtone breach cure BN-1 --reason "paid in full"
    """
    _step(notice, "cure", reason, as_json)


@breach.command("terminate")
def terminate(notice: NoticeArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """End all service of the account, after the last day; the fees of its units are charged.

    Example: plugtone breach terminate BN-1 --reason "nothing was paid"
    """
    _step(notice, "terminate", reason, as_json)


def _step(notice: str, step: str, reason: str, as_json: bool) -> None:
    with FleetClient.from_environment() as fleet:
        _show(fleet.post(f"/v1/breach-notices/{notice}/{step}", {"reason": reason}), as_json)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_one(found, as_json)
    elif found["state"] == "notified":
        typer.echo(f"{found['id']}: {found['account']} has the whole of {found['last_day']}")
    else:
        typer.echo(f"{found['id']} of {found['account']} is {found['state']}")
