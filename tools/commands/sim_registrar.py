"""`plugtone sim registrar`: the small registrar, with an echo to talk to, for demo and tests on this machine."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from tools.client import FleetClient
from tools.sim.registrar.bindings import MIN_EXPIRES_S, Address
from tools.sim.registrar.service import RegistrarService, Settings
from tools.sim.registrar.subscribers import Read, SubscriberError, SubscriberFile, Subscribers, read_lines

_FLEET_MS: Final = 500  # the fleet is asked no more often than that
_LIST_PATH: Final = "/v1/subscribers?format=json"
_SAID: Final = {
    "registered": "{user} is registered at {more}",
    "unregistered": "{user} is gone",
    "refused": "{user} is refused: {more}",
    "call": "{user} calls {more}",
    "fault": "the list of subscribers cannot be read: {more}",
}


def registrar(
    listen: Annotated[
        str, typer.Option(help="HOST:PORT for SIP over UDP; port 0 takes a free one.")
    ] = "127.0.0.1:5060",
    subscribers: Annotated[
        Path | None,
        typer.Option(help="The list that `plugtone voice subscribers` writes, read again when it changes."),
    ] = None,
    min_expires_s: Annotated[int, typer.Option(min=1, max=7200, help="The briefest registration.")] = MIN_EXPIRES_S,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each event.")] = False,
) -> None:
    """Register lines, pass calls on between them, answer at *43 (an echo) and 911 (nobody), until Ctrl-C.

    Without --subscribers the list comes from the fleet at PLUGTONE_URL, again whenever somebody unknown registers, and
    while lines register and call each 15 s or so: an account that has ended, or a block, holds from then on.
    Not for service: it knows one transport (UDP), one number for each account, and forgets all when it ends.

    Example: plugtone sim registrar --subscribers subscribers.csv
    """

    def told(what: str, user: str, more: str) -> None:
        if as_json:
            typer.echo(json.dumps({"event": what, "user": user, "more": more}))
        else:
            typer.echo(_SAID[what].format(user=user, more=more))
        typer.get_text_stream("stdout").flush()

    settings = Settings(_address(listen), min_expires_s=min_expires_s)
    if subscribers is None:
        settings.on_demand, settings.look_ms = True, _FLEET_MS
    read = _from_fleet() if subscribers is None else _from_file(subscribers)
    with RegistrarService(settings, read, told) as service:
        signal.signal(signal.SIGTERM, _interrupt)
        place = f"{service.address[0]}:{service.address[1]}"
        if as_json:
            typer.echo(json.dumps({"event": "ready", "address": place}))
        else:
            typer.echo(f"registrar at {place}; *43 is an echo, 911 reaches nobody; Ctrl-C ends it")
        typer.get_text_stream("stdout").flush()
        try:
            service.run()
        except KeyboardInterrupt:
            return


def _from_file(path: Path) -> Read:
    read = SubscriberFile(path)

    def first_then_again() -> Subscribers | None:
        found = read()
        if read.fault:
            raise SubscriberError(read.fault)
        return found

    return first_then_again


def _from_fleet() -> Read:
    client = FleetClient.from_environment()

    def whole() -> Subscribers:
        return read_lines(client.download(_LIST_PATH).decode().splitlines())

    return whole


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise typer.BadParameter(f"HOST:PORT is wanted, got {text!r}", param_hint="--listen")
    return host, int(port)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
