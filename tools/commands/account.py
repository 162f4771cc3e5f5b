"""`plugtone account`: open accounts, look at them, suspend their service, give it back, end it, close them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one

account = typer.Typer(no_args_is_help=True, add_completion=False)

AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="As AC-1.")]
NameOption = Annotated[str, typer.Option(help="The new Administrator's name.")]
EmailOption = Annotated[str, typer.Option(help="Where the invitation goes.")]
ReasonOption = Annotated[str, typer.Option(help="non_payment, law, security or network_protection")]


@account.callback()
def describe() -> None:
    """Open accounts and look at them, suspend their service and give it back, close them."""


@account.command("list")
def list_accounts(as_json: JsonOption = False) -> None:
    """List the accounts in your scope.

    Example: plugtone account list
    """
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/accounts"), ("id", "name", "service_available", "created_at"), as_json)


@account.command("show")
def show(account_id: AccountArgument, as_json: JsonOption = False) -> None:
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


@account.command("service")
def service(account_id: AccountArgument, as_json: JsonOption = False) -> None:
    """Show whether an account has its service, and why not.

    Example: plugtone account service AC-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/accounts/{account_id}/service"), as_json)


@account.command("suspend")
def suspend(account_id: AccountArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Suspend an account's service, at once.

    Example: plugtone account suspend AC-1 --reason non_payment
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/accounts/{account_id}/suspend", {"reason": reason}), as_json)


@account.command("end")
def end(
    account_id: AccountArgument,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    as_json: JsonOption = False,
) -> None:
    """End an account's service without a breach by it: no fee is due.

    Example: plugtone account end AC-1 --reason "we leave this market"
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/accounts/{account_id}/end", {"reason": reason}), as_json)


@account.command("tell-change")
def tell_change(
    text: Annotated[str, typer.Option(help="What changes, in the words people are told.")],
    date: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day it takes effect.")],
    account_id: Annotated[list[str] | None, typer.Option("--account", help="Whom it harms; all if not given.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell Administrators of a change that harms them; they may end service over it without a fee.

    Example: plugtone account tell-change --text "faxes are no longer stored" --date 2027-03-01
    """
    body = {"text": text, "takes_effect_on": date.date().isoformat(), "accounts": account_id or None}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post("/v1/change-notices", body), as_json)


@account.command("changes")
def changes(as_json: JsonOption = False) -> None:
    """List the changes that accounts were told of.

    Example: plugtone account changes
    """
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/change-notices"), ("id", "takes_effect_on", "told_at", "text"), as_json)


@account.command("reconnect-fee")
def reconnect_fee(account_id: AccountArgument, as_json: JsonOption = False) -> None:
    """Charge the reconnect fee of a suspended account that wants its service back.

    Example: plugtone account reconnect-fee AC-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/accounts/{account_id}/reconnect-fee"), as_json)


@account.command("lift")
def lift(
    account_id: AccountArgument,
    reason: ReasonOption,
    unpaid_cents: Annotated[int, typer.Option(min=0, help="What billing says is unpaid.")],
    reconnect_paid: Annotated[bool, typer.Option(help="Whether the reconnect fee is paid.")],
    as_json: JsonOption = False,
) -> None:
    """Lift a suspension's reason; with the last one service comes back.

    Example: plugtone account lift AC-1 --reason non_payment --unpaid-cents 0 --reconnect-paid
    """
    body = {"reason": reason, "unpaid_cents": unpaid_cents, "reconnect_paid": reconnect_paid}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/accounts/{account_id}/lift", body), as_json)


@account.command("close")
def close(account_id: AccountArgument, as_json: JsonOption = False) -> None:
    """Close an account without services, for good; its personal data goes later.

    Example: plugtone account close AC-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/accounts/{account_id}/close"), as_json)


@account.command("administrators")
def administrators(account_id: AccountArgument, as_json: JsonOption = False) -> None:
    """List an account's Administrators, invited ones too.

    Example: plugtone account administrators AC-1
    """
    with FleetClient.from_environment() as fleet:
        found = fleet.get(f"/v1/accounts/{account_id}/administrators")["items"]
        show_list(found, ("id", "name", "email", "state"), as_json)


@account.command("appoint")
def appoint(account_id: AccountArgument, name: NameOption, email: EmailOption, as_json: JsonOption = False) -> None:
    """Appoint another Administrator of your own account; they are invited by mail.

    Example: plugtone account appoint AC-1 --name "Ann Lee" --email ann@acme.example
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/accounts/{account_id}/administrators", {"name": name, "email": email}), as_json)


@account.command("remove")
def remove(
    account_id: AccountArgument,
    person_id: Annotated[str, typer.Argument(metavar="PERSON", help="As PE-1.")],
    as_json: JsonOption = False,
) -> None:
    """End an Administrator's access to your own account; the last one stays.

    Example: plugtone account remove AC-1 PE-7
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/accounts/{account_id}/administrators/{person_id}/remove"), as_json)


@account.command("recover")
def recover(
    account_id: AccountArgument,
    name: NameOption,
    email: EmailOption,
    proof: Annotated[str, typer.Option(help="mail_from_address_on_file, security_questions or signed_letter")],
    gone: Annotated[list[str] | None, typer.Option(help="An Administrator who is gone; once for each.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Appoint an Administrator of an account whose own are gone, on proof.

    Example: plugtone account recover AC-1 --gone PE-7 --proof signed_letter --name "Ann Lee" --email ann@acme.example
    """
    body = {"name": name, "email": email, "proof": proof, "gone": gone or []}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/accounts/{account_id}/recover", body), as_json)
