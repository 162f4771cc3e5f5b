"""Takes revocations out of the outbox and throws the unit out: at once, and again for one just coming in.

The callout refuses from the commit on, but may have let the unit in a moment before, unseen by the first kick:
hence the second, when an answer from before the commit can no longer count.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from datetime import timedelta
from threading import Event

from fleet.domain.delivery import DeliveryError
from fleet.mqtt.broker import AUTHORISATION_TIMEOUT_S
from fleet.mqtt.revoker import Revoker, RevokerError
from fleet.services.outbox import Outbox

POLL_S = 0.2
MAX_REVOCATIONS = 20
LEASE = timedelta(seconds=30)

log = logging.getLogger(__name__)


class Revocations:
    """The outbox's `revoke` letters: `{"serial", "epoch"}`."""

    def __init__(self, outbox: Outbox, revoker: Revoker) -> None:
        self._outbox = outbox
        self._revoker = revoker
        self._again: list[tuple[float, str]] = []

    def run(self, stop: Event) -> None:
        """Serve until `stop`."""
        while not stop.wait(POLL_S):
            self.step(time.monotonic())

    def step(self, now_s: float) -> None:
        """Kick who is due at the monotonic time `now_s`."""
        for letter in self._outbox.lease(["revoke"], MAX_REVOCATIONS, LEASE):
            serial = letter.payload["serial"]
            try:
                self._kick(serial)
            except RevokerError as error:
                self._outbox.failed(letter, DeliveryError(str(error)), random.random())  # noqa: S311 - no secret
            else:
                self._outbox.delivered(letter)
                self._again.append((now_s + AUTHORISATION_TIMEOUT_S, serial))
        due = [serial for at_s, serial in self._again if at_s <= now_s]
        self._again = [entry for entry in self._again if entry[0] > now_s]
        for serial in due:
            try:
                self._kick(serial)
            except RevokerError as error:
                log.warning("%s", error)  # a broker that is away has no connections

    def _kick(self, serial: str) -> None:
        if asyncio.run(self._revoker.kick(serial)):
            log.info("threw out %s", serial)
