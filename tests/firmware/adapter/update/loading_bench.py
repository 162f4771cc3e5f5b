"""What tests of loading share: the payload of an image, an answer to each Get, and what the unit asked for."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import Any

from adapter.update.errors import NetworkError, UpdateError
from adapter.update.fetching import Get
from tests.firmware.adapter.update.repository import NOW_S, BendableRepository
from tests.firmware.adapter.update.unit import UpdatingUnit

_CHANCE = random.Random(7)
PAYLOAD = b"".join(_CHANCE.randbytes(1500) + b"first" * 300 for _ in range(24))
NAME = "simulated_1.0.0.img"
Answer = Callable[[Get, list[str]], bytes | None]


def serve(job: Generator[Get, Any, Any], answer: Answer, piece_bytes: int = 700) -> list[str]:
    """Drives `job`; an answer is None, or the file's bytes, or raises NetworkError. Targets' paths that were asked."""
    asked: list[str] = []
    value: Any = None
    failure: UpdateError | None = None
    while True:
        try:
            get = job.throw(failure) if failure else job.send(value)
        except StopIteration:
            return asked
        if get.sink is not None:
            asked.append(get.path.rpartition(".")[2])
        failure = value = None
        try:
            data = answer(get, asked)
            if data is not None and get.sink is not None:
                for at in range(get.offset, min(len(data), get.offset + get.max_bytes), piece_bytes):
                    get.sink(data[at : min(at + piece_bytes, get.offset + get.max_bytes)])
            value = data if get.sink is None else b"" if data is not None else None
        except UpdateError as error:  # of the network or of the sink: the driver hands in both
            failure = error


def good(repository: BendableRepository) -> Answer:
    return lambda get, asked: repository.files.get(get.path)


def load(unit: UpdatingUnit, answer: Answer | None = None, now_s: int = NOW_S) -> list[str]:
    """One run of work, and what it asked of the targets."""
    unit.session.check()
    return serve(unit.session.work(now_s), answer or good(unit.repository))


def staged_how(unit: UpdatingUnit) -> str:
    unit.report()
    assert unit.session.state == "staged", unit.reports
    assert unit.slots.other.size
    found = bytearray(len(unit.repository.image(NAME)))
    unit.slots.other.readinto(0, found)
    assert bytes(found) == unit.repository.image(NAME)
    return str(unit.reports[-1]["detail"])


def running_slot(unit: UpdatingUnit) -> bytes:
    found = bytearray(unit.slots.other.size)
    unit.flash.partition("slot_a").readinto(0, found)
    return bytes(found)


def cut_after(unit: UpdatingUnit, count: int) -> Answer:
    """Each file breaks off after `count` bytes of one connection."""

    def answer(get: Get, asked: list[str]) -> bytes | None:
        data = unit.repository.files.get(get.path)
        if get.sink is None or data is None or len(data) <= get.offset + count:
            return data
        get.sink(data[get.offset : get.offset + count])
        raise NetworkError("cut")

    return answer
