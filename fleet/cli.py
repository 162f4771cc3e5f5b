"""`plugtone serve` and `plugtone admin`: the fleet service on this machine, and the keys to its door."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet.domain.access import Role
from fleet.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from fleet.serve.service import Started
    from fleet.services.build import Services

OPERATOR_ROLES = tuple(role.value for role in Role if role is not Role.ACCOUNT_ADMINISTRATOR)


def serve(
    data: Annotated[Path | None, typer.Option(help="Where the service keeps everything.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say that it is ready as one line of JSON.")] = False,
) -> None:
    """Run the fleet service until SIGTERM or Ctrl-C: API and console, broker, gateway, jobs, time server.

    Settings are PLUGTONE_* variables; the first start makes keys, certificates and the database.

    Example: plugtone serve --data /var/lib/plugtone
    """
    from fleet.serve.service import run  # noqa: PLC0415 - help must not wait for the imports of a service

    settings = read_settings()
    run(replace(settings, data_dir=data) if data else settings, _print_json if as_json else _print_lines)


def _print_json(started: Started) -> None:
    _print(json.dumps({"ready": True, **started.public(), "setup_link": started.setup_link}))


def _print_lines(started: Started) -> None:
    lines = [f"Plugtone is ready after {started.seconds:.1f} s."]
    lines += [f"  {name:<8} {address}" for name, address in started.addresses.items()]
    if started.setup_link:
        lines.append(f"Nobody is admin yet. Open this link once to become it: {started.setup_link}")
    _print("\n".join(lines))


def _print(text: str) -> None:
    typer.echo(text)
    typer.get_text_stream("stdout").flush()


admin = typer.Typer(no_args_is_help=True, add_completion=False)

DataOption = Annotated[Path | None, typer.Option(help="The service's data directory.")]


@admin.callback()
def describe() -> None:
    """Let people and programs in, for who rules the server's own command line."""


@admin.command("link")
def link(
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a new one-time link for the first admin; the one before it is dead.

    Example: plugtone admin link --data /var/lib/plugtone
    """
    services = _services(data)
    made = services.people.setup_link()
    _print(json.dumps({"setup_link": made}) if as_json else made)


@admin.command("token")
def token(
    name: Annotated[str, typer.Option(help="What it is for, shown in the list of tokens.")],
    role: Annotated[str, typer.Option(help="Whose permissions it gets: " + ", ".join(OPERATOR_ROLES) + ".")],
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a token with a role's permissions for a program; its secret is shown this once.

    Example: plugtone admin token --name station-1 --role warehouse
    """
    if role not in OPERATOR_ROLES:
        raise typer.BadParameter(f"no such role: {role}; one of {', '.join(OPERATOR_ROLES)}")
    made = _services(data).access.issue_host_token(name, Role(role))
    secret = {"id": made.token.reference, "secret": made.secret}
    _print(json.dumps(secret) if as_json else made.secret)


def _services(data: Path | None) -> Services:
    """The services on a data directory that `plugtone serve` has made."""
    from fleet.services.build import build_services  # noqa: PLC0415

    settings = read_settings()
    settings = replace(settings, data_dir=data) if data else settings
    if not settings.data_dir.is_dir():
        raise SettingsError(f"{settings.data_dir} is no data directory; name the one of `plugtone serve` by --data")
    return build_services(settings)
