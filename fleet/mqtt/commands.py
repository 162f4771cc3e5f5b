"""Takes commands to units out of the outbox; a command counts as delivered once it is with the broker."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import timedelta

from fleet.domain.delivery import DeliveryError
from fleet.services.outbox import Outbox
from fleet.services.unit_messages import Outgoing
from protocol.wire.errors import WireError

POLL_S = 0.1
MAX_COMMANDS = 100
LEASE = timedelta(seconds=10)


class Commands:
    """The outbox's `command` letters: `{"serial", "name", "values"}`, a message of the table of layouts."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._next_poll = 0.0

    def deliver(self, send: Callable[[Outgoing], None], flush: Callable[[], None]) -> None:
        """Send what is due; asks the database at most every POLL_S.

        `flush` returns once the broker has all that was sent; if it raises, the letters stay in the outbox and are
        leased again.
        """
        if time.monotonic() < self._next_poll:
            return
        sent = []
        for letter in self._outbox.lease(["command"], MAX_COMMANDS, LEASE):
            payload = letter.payload
            try:
                send(Outgoing(payload["serial"], payload["name"], payload["values"]))
            except (WireError, KeyError, TypeError) as error:
                failure = DeliveryError(f"not a message for a unit: {error}", permanent=True)
                self._outbox.failed(letter, failure, random.random())  # noqa: S311 - spreads retries, no secret
            else:
                sent.append(letter)
        if sent:
            flush()
        for letter in sent:
            self._outbox.delivered(letter)
        self._next_poll = time.monotonic() + POLL_S
