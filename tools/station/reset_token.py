"""A unit that was reset is let in again: it draws a challenge, the fleet signs a token for it, the unit takes that.

A token is for one session, so a station that was cut off asks for another one: what was done by then stays.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from http import HTTPStatus

from protocol.wire.messages import Message
from tools.client import Poster, RefusedError
from tools.station.errors import AwaitingFleetError, UnitError
from tools.station.link import UnitLink


def ask_challenge(link: UnitLink, station: str) -> Message:
    """The unit's challenge for `station`, which is the fleet's name of us, empty while it is away.

    Its `epoch` is the lowest one in which the unit can be provisioned.
    """
    if not station:
        raise AwaitingFleetError("no network: a unit that was reset is let in by the fleet; it waits")
    return link.ask("ask_challenge", {"station": station}, "challenge")


def authorize(link: UnitLink, fleet: Poster, asked: Message, epoch: int) -> None:
    """The unit takes every step of provisioning in the fleet's `epoch` from this session; UnitError if it may not."""
    serial = asked["serial"]
    if epoch < asked["epoch"]:
        raise UnitError(
            f"{serial} was reset in epoch {epoch}: it gets a new identity by plugtone station flash --new-epoch "
            "and the reason"
        )
    body = {
        "challenge": b64encode(asked["challenge"]).decode(),
        "key_ids": [row["key_id"].hex() for row in asked["keys"]],
    }
    try:
        answer = fleet.post(f"/v1/units/{serial}/provisioning-tokens", body, repeatable=True)
    except RefusedError as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
        raise UnitError(f"{error}: here by plugtone station flash --new-epoch and the reason") from error
    link.ask("authorize_provisioning", {name: b64decode(answer[name]) for name in ("token", "signature")})
