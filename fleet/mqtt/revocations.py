"""Takes revocations out of the outbox and throws the unit out: at once, and again for one just coming in.

The callout refuses from the commit on, but may have let the unit in a moment before, unseen by the first kick:
hence the second, when an answer from before the commit can no longer count. It spares who came in since.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from fleet.domain.delivery import DeliveryError
from fleet.mqtt.broker import AUTHORISATION_TIMEOUT_S
from fleet.mqtt.revoker import Revoker, RevokerError
from fleet.services.outbox import Outbox

POLL_S = 0.2
MAX_REVOCATIONS = 20
LEASE = timedelta(seconds=30)
SECOND_KICK = timedelta(seconds=AUTHORISATION_TIMEOUT_S)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kicked:
    serial: str
    at: datetime


class Revocations:
    """The outbox's `revoke` letters: `{"serial", "epoch"}`."""

    def __init__(self, outbox: Outbox, revoker: Revoker, clock: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._revoker = revoker
        self._clock = clock
        self._again: list[_Kicked] = []

    def run(self, stop: Event) -> None:
        """Serve until `stop`."""
        while not stop.wait(POLL_S):
            self.step()

    def step(self) -> None:
        """Kick who is due."""
        now = self._clock()
        for letter in self._outbox.lease(["revoke"], MAX_REVOCATIONS, LEASE):
            serial = letter.payload["serial"]
            try:
                self._kick(serial, now)
            except RevokerError as error:
                self._outbox.failed(letter, DeliveryError(str(error)), random.random())  # noqa: S311 - no secret
            else:
                self._outbox.delivered(letter)
                self._again.append(_Kicked(serial, now))
        due = [kicked for kicked in self._again if kicked.at + SECOND_KICK <= now]
        self._again = [kicked for kicked in self._again if kicked not in due]
        for kicked in due:
            try:
                self._kick(kicked.serial, kicked.at)
            except RevokerError as error:
                log.warning("%s", error)  # a broker that is away has no connections

    def _kick(self, serial: str, begun_by: datetime) -> None:
        if asyncio.run(self._revoker.kick(serial, begun_by)):
            log.info("threw out %s", serial)
