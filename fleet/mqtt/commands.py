"""Takes commands to units out of the outbox; a command counts as delivered once it is with the broker."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from fleet.domain.delivery import DeliveryError, Letter
from fleet.services.outbox import Outbox
from fleet.services.unit_messages import Outgoing
from protocol.wire.errors import WireError

POLL_S = 0.1
MAX_COMMANDS = 100
LEASE = timedelta(seconds=10)


class Commands:
    """The outbox's `command` letters: `{"serial", "name", "values"}`, a message of the table of layouts.

    `complete` adds to messages what no letter holds, because it is secret.
    """

    def __init__(self, outbox: Outbox, complete: Callable[[Sequence[Outgoing]], list[Outgoing]]) -> None:
        self._outbox = outbox
        self._complete = complete
        self._next_poll = 0.0

    def deliver(self, send: Callable[[Outgoing], None], flush: Callable[[], None]) -> None:
        """Send what is due; asks the database at most every POLL_S.

        `flush` returns once the broker has all that was sent; if it raises, the letters stay in the outbox and are
        leased again.
        """
        if time.monotonic() < self._next_poll:
            return
        letters = self._outbox.lease(["command"], MAX_COMMANDS, LEASE)
        read = [(letter, message) for letter in letters if (message := self._read(letter))]
        whole = self._complete([message for _, message in read])
        sent = [letter for (letter, _), message in zip(read, whole, strict=True) if self._send(letter, message, send)]
        if sent:
            flush()
        for letter in sent:
            self._outbox.delivered(letter)
        self._next_poll = time.monotonic() + POLL_S

    def _read(self, letter: Letter) -> Outgoing | None:
        try:
            return Outgoing(letter.payload["serial"], letter.payload["name"], dict(letter.payload["values"]))
        except (KeyError, TypeError, ValueError) as error:
            self._give_up(letter, error)
            return None

    def _send(self, letter: Letter, message: Outgoing, send: Callable[[Outgoing], None]) -> bool:
        try:
            send(message)
        except (WireError, KeyError, TypeError) as error:
            self._give_up(letter, error)
            return False
        return True

    def _give_up(self, letter: Letter, error: Exception) -> None:
        failure = DeliveryError(f"not a message for a unit: {error}", permanent=True)
        self._outbox.failed(letter, failure, random.random())  # noqa: S311 - spreads retries, no secret
