"""`plugtone person`: who may sign in, and what is held of each: seen, corrected and erased."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, OutputOption, show_list, show_one, write_out

person = typer.Typer(no_args_is_help=True, add_completion=False)

PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="As PE-1.")]


@person.callback()
def describe() -> None:
    """Look at people, and see, correct and erase what is held of them."""


@person.command("list")
def list_people(as_json: JsonOption = False) -> None:
    """List the people in your scope.

    Example: plugtone person list
    """
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/people"), ("id", "name", "email", "roles", "state", "account"), as_json)


@person.command("show")
def show(person_id: PersonArgument, as_json: JsonOption = False) -> None:
    """Show one person.

    Example: plugtone person show PE-7
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/people/{person_id}"), as_json)


@person.command("export")
def export(person_id: PersonArgument, output: OutputOption = None) -> None:
    """Write all that is held of a person as JSON: the rows of every table.

    Example: plugtone person export PE-7 --output PE-7.json
    """
    with FleetClient.from_environment() as fleet:
        write_out(fleet.download_pieces(f"/v1/people/{person_id}/export"), output)


@person.command("correct")
def correct(
    person_id: PersonArgument,
    name: Annotated[str | None, typer.Option(help="The right name.")] = None,
    email: Annotated[str | None, typer.Option(help="The right e-mail address, which is the username.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a person's name or e-mail address right.

    Example: plugtone person correct PE-7 --email ann@acme.example
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.patch(f"/v1/people/{person_id}", {"name": name, "email": email}), as_json)


@person.command("erase")
def erase(
    person_id: PersonArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a person's name, e-mail address and credentials, for good; what they did stays without them.

    Example: plugtone person erase PE-7
    """
    if not yes:
        typer.confirm(f"Erase {person_id} for good?", abort=True)
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/people/{person_id}/erase"), as_json)
