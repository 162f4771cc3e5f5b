"""`plugtone account`: open accounts and look at them."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one

account = typer.Typer(no_args_is_help=True, add_completion=False)


@account.callback()
def describe() -> None:
    """Open accounts and look at them."""


@account.command("list")
def list_accounts(as_json: JsonOption = False) -> None:
    """List the accounts in your scope.

    Example: plugtone account list
    """
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/accounts"), ("id", "name", "service_available", "created_at"), as_json)


@account.command("show")
def show(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="As AC-1.")], as_json: JsonOption = False
) -> None:
    """Show one account.

    Example: plugtone account show AC-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/accounts/{account_id}"), as_json)


@account.command("open")
def open_account(
    name: Annotated[str, typer.Option(help="The account's name.")],
    administrator_name: Annotated[str, typer.Option(help="Its first Administrator.")],
    administrator_email: Annotated[str, typer.Option(help="Where the invitation goes.")],
    as_json: JsonOption = False,
) -> None:
    """Open an account; its first Administrator is invited by mail.

    Example: plugtone account open --name "Acme" --administrator-name "Ann Lee" --administrator-email ann@acme.example
    """
    body = {"name": name, "administrator_name": administrator_name, "administrator_email": administrator_email}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post("/v1/accounts", body), as_json)
