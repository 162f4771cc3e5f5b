"""`plugtone voice`: the operator's voice profile, accounts changed on suspicion, and the registrar's list of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer

from protocol.wire.enumerations import TRANSPORTS
from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_one, write_out
from tools.commands.unit import ReasonOption, SerialArgument, serial_of
from tools.errors import ToolError

PATH: Final = "/v1/voice-profile"
SECRET_MODE: Final = 0o600
DNS_PORT: Final = 53

voice = typer.Typer(no_args_is_help=True, add_completion=False)
profile = typer.Typer(no_args_is_help=True, add_completion=False)
voice.add_typer(profile, name="profile")


@voice.callback()
def describe() -> None:
    """Say where units register their lines and how, change an account's password, list accounts for the registrar."""


@profile.callback()
def describe_profile() -> None:
    """Look at the voice profile, and put another one in force."""


@profile.command("show")
def show(as_json: JsonOption = False) -> None:
    """Show the voice profile in force, and how many units wait for it.

    Example: plugtone voice profile show
    """
    with FleetClient.from_environment() as fleet:
        _show(fleet.get(PATH), as_json)


@profile.command("set")
def set_profile(
    domain: Annotated[str | None, typer.Option(help="Of the lines' SIP addresses.")] = None,
    registrar: Annotated[
        list[str] | None, typer.Option(help="HOST[:PORT][/udp|tcp|tls], up to four in the order they are tried.")
    ] = None,
    realm: Annotated[str | None, typer.Option(help="What the registrar challenges with, if not the domain.")] = None,
    country: Annotated[str | None, typer.Option(help="Whose tones people know, as US.")] = None,
    emergency: Annotated[str | None, typer.Option(help="Numbers always put through, as 911,933.")] = None,
    dial_plan: Annotated[str | None, typer.Option(help="Empty: the country's own.")] = None,
    codecs: Annotated[str | None, typer.Option(help="The best first, as PCMU,PCMA.")] = None,
    ptime_ms: Annotated[int | None, typer.Option(help="Of a packet: 10, 20 or 30.")] = None,
    registration_s: Annotated[int | None, typer.Option(help="How long a registration holds, 60 to 7200.")] = None,
    media_security: Annotated[str | None, typer.Option(help="SRTP: off, offered or required.")] = None,
    mailbox: Annotated[str | None, typer.Option(help="Whose messages wait; {user} is the line's own.")] = None,
    dns: Annotated[list[str] | None, typer.Option(help="ADDRESS[:PORT], up to two; none: the network's own.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Change the voice profile; what is not named stays. Every unit with a line is told by itself.

    Example: plugtone voice profile set --domain voice.example.com --registrar sip.example.com/tls --country US
    """
    said: dict[str, Any] = {
        "domain": domain, "realm": realm, "country": country, "dial_plan": dial_plan, "ptime_ms": ptime_ms,
        "registration_s": registration_s, "media_security": media_security, "mailbox": mailbox,
        "emergency": None if emergency is None else _listed(emergency),
        "codecs": None if codecs is None else _listed(codecs),
        "registrars": [_registrar(each) for each in registrar] if registrar else None,
        "dns": [_place(each, DNS_PORT) for each in dns if each] if dns else None,
    }  # fmt: skip
    said = {name: value for name, value in said.items() if value is not None}
    with FleetClient.from_environment() as fleet:
        found = fleet.get(PATH)
        body = {**(found["profile"] or {}), **said}
        missing = [name for name in ("domain", "registrars") if name not in body]
        if missing:
            raise ToolError(f"the first profile needs --{' and --'.join(missing).removesuffix('s')}")
        _show(fleet.put(PATH, body, headers={"If-Match": f'"{found["version"]}"'}), as_json)


@voice.command("rotate")
def rotate(serial: SerialArgument, reason: ReasonOption) -> None:
    """Give the account of a unit's line another password: the old one is dead at once, the unit is told.

    Example: plugtone voice rotate PT000000018 --reason "calls nobody made"
    """
    with FleetClient.from_environment() as fleet:
        found = serial_of(fleet, serial)
        fleet.post(f"/v1/units/{found}/rotate-voice", {"reason": reason})
    typer.echo(f"{found} has another password")


@voice.command("subscribers")
def subscribers(
    out: Annotated[Path | None, typer.Option(help="The file to write, mode 0600; without it, standard output.")] = None,
    unit: Annotated[str | None, typer.Option(help="Of this unit only, by serial number or MAC address.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="An object a line instead of CSV.")] = False,
) -> None:
    """Write the accounts a registrar lets in: user, domain, realm, HA1 for MD5 and SHA-256, level, unit.

    Example: plugtone voice subscribers --out /etc/kamailio/subscribers.csv
    """
    with FleetClient.from_environment() as fleet:
        wanted = {"format": "json" if as_json else "csv"}
        if unit is not None:
            wanted["serial"] = serial_of(fleet, unit)
        write_out(fleet.download_pieces(f"/v1/subscribers?{urlencode(wanted)}"), out, SECRET_MODE)


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


def _registrar(text: str) -> dict[str, Any]:
    place, _, transport = text.partition("/")
    if transport not in ("", *TRANSPORTS):
        raise ToolError(f"a registrar is HOST[:PORT][/{'|'.join(TRANSPORTS)}], got {text!r}")
    return {**_place(place, 0), "transport": transport or TRANSPORTS[0]}


def _place(text: str, default_port: int) -> dict[str, Any]:
    host, _, port = text.partition(":")
    if port and not port.isdigit():
        raise ToolError(f"a place is HOST or HOST:PORT, got {text!r}")
    return {"host": host, "port": int(port) if port else default_port}


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json or found["profile"] is None:
        show_one(found, as_json)
        return
    show_one({"version": found["version"], "units_behind": found["units_behind"], **found["profile"]}, as_json)
