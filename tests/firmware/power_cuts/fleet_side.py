"""The world around a unit that loses its power: a repository, orders in turn, and the reports that came in.

Keys and signatures are drawn from a seed, so that a seed gives the same bytes again. What the fleet has heard is all
its state: the order that is out is the first whose end no report has told. A cut sets the fleet back to `mark`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

from adapter.update.errors import NetworkError, UpdateError
from adapter.update.fetching import Get
from protocol.wire.enumerations import UPDATE_REASONS, UPDATE_STATES
from protocol.wire.messages import Message
from tests.firmware.adapter.update.repository import NOW_S, SERIAL, BendableRepository

FINAL = ("confirmed", "reverted", "failed")
CHUNK_BYTES = 1460
CONFIGURATIONS = [bytes([65 + number]) * length for number, length in enumerate((90, 300, 17, 512, 90))]
Mark = tuple[int, int, int]  # how many reports came, how many were kept, how many starts there were
ORDER_PATH = f"director/{SERIAL}.json"
_CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HASHED = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


class SeededSigner(CryptoSigner):
    """A P-256 key drawn from `chance`, whose signatures are the same each time (RFC 6979)."""

    def __init__(self, chance: random.Random) -> None:
        self._key = ec.derive_private_key(chance.randrange(1, _CURVE_ORDER), ec.SECP256R1())
        super().__init__(self._key, SSlibKey.from_crypto(self._key.public_key()))

    def sign(self, payload: bytes) -> Signature:
        return Signature(self.public_key.keyid, self._key.sign(payload, _HASHED).hex())


def seeded_repository(seed: int) -> BendableRepository:
    """A BendableRepository whose keys are drawn from `seed`."""
    chance = random.Random(seed)
    with patch("tests.firmware.adapter.update.repository.new_key", lambda: SeededSigner(chance)):
        return BendableRepository()


@dataclass(frozen=True, slots=True)
class Order:
    """All files that the server has, until a report with one of `ends` (assignment, state) has come."""

    files: dict[str, bytes]
    ends: frozenset[tuple[int, str]]


class Fleet:
    """`orders` are served one after the other.

    `breaks[n]` is after how many bytes the n-th image transfer of a start breaks off.
    """

    def __init__(self, orders: list[Order], breaks: tuple[int, ...] = ()) -> None:
        self._orders = orders
        self._breaks = breaks
        self.received: list[Message] = []
        self.kept: list[tuple[int, int]] = []  # (boot id, sequence) of reports that the unit promised to keep
        self.starts = 0

    @property
    def mark(self) -> Mark:
        """What a cut sets the fleet back to."""
        return len(self.received), len(self.kept), self.starts

    def back_to(self, world: Fleet, mark: Mark) -> Fleet:
        """Knows again what `world` knew at `mark`, and no more; itself."""
        self.received, self.kept, self.starts = world.received[: mark[0]], world.kept[: mark[1]], mark[2]
        return self

    @property
    def time_s(self) -> int:
        """The time that the fleet tells; it moves on by a day with every few reports."""
        return NOW_S + 86_400 * min(len(self.received) // 3, 5)

    @property
    def configuration(self) -> bytes:
        """What the fleet would have the unit know; it changes with every few reports, and so does its length."""
        return CONFIGURATIONS[min(len(self.received) // 2, len(CONFIGURATIONS) - 1)]

    @property
    def lost(self) -> set[tuple[int, int]]:
        """The reports that the unit promised to keep and that never came."""
        return set(self.kept) - {(message.boot_id, message.sequence) for message in self.received}

    @property
    def told(self) -> list[tuple[int, str, str]]:
        """(assignment, state, reason) of the update reports so far."""
        return [
            (message["assignment"], UPDATE_STATES[message["state"]], UPDATE_REASONS[message["reason"]])
            for message in self.received
            if message.name == "update_report"
        ]

    @property
    def files(self) -> dict[str, bytes]:
        """What the server has at this time."""
        for order in self._orders[:-1]:
            if not any((assignment, state) in order.ends for assignment, state, _ in self.told):
                return order.files
        return self._orders[-1].files

    def take(self, message: Message) -> None:
        """A report came in; one that is known already changes nothing."""
        known = any((old.boot_id, old.sequence) == (message.boot_id, message.sequence) for old in self.received)
        if not known:
            self.received.append(message)

    def serve(self, job: Generator[Get, Any, Any], received: Callable[[int], None], transfer: int = 0) -> int:
        """Drives `job` to its end or its NetworkError, which is raised; how many image transfers there have been.

        `received` is told of every byte before the session hears of it, as by the driver (ports/unix/updater.py).
        """
        files = self.files
        try:
            get = next(job)
            while True:
                data = files.get(get.path)
                if data is None:
                    get = job.send(None)
                elif get.sink is None:
                    received(len(data))
                    get = job.send(data) if len(data) <= get.max_bytes else job.throw(NetworkError("endless"))
                else:
                    stop = self._breaks[transfer] if transfer < len(self._breaks) else len(data)
                    transfer += 1
                    stop = min(len(data), get.offset + stop)
                    error = _pour(get, data, stop)
                    received(stop - get.offset)
                    get = job.send(b"") if error is None else job.throw(error)
        except StopIteration:
            return transfer


def _pour(get: Get, data: bytes, stop: int) -> UpdateError | None:
    """Hands the sink the bytes up to `stop`; what the driver throws into the session then, None if all of them came."""
    try:
        for at in range(get.offset, stop, CHUNK_BYTES):
            get.sink(data[at : min(stop, at + CHUNK_BYTES)])
    except UpdateError as error:
        return error
    return None if stop == len(data) else NetworkError("broke off")
