"""Ways to get storage wrong, each a thing the sweep has to find: without them, finding nothing would mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from adapter import records
from adapter.records import RecordPair
from adapter.settings import STEPS, Settings
from adapter.update.session import UpdateSession
from adapter.update.slot_writer import SlotWriter
from ports.unix.slots import Slots
from protocol.wire.record import HEADER_BYTES, pack_header


def _bounds(pair: Any, payload: bytes, all_of_it: bool = False) -> tuple[Any, int, int]:
    """Where RecordPair.store is about to write, and how much it erases there."""
    if pair._sequence is None:
        pair.load()
    start = pair._start + pair._next_half * pair._half
    block_bytes = pair._partition.block_bytes
    if all_of_it:
        return pair._partition, start, pair._half
    return pair._partition, start, -(-(HEADER_BYTES + len(payload)) // block_bytes) * block_bytes


def _one_record(pair: Any, payload: bytes, all_of_it: bool = False) -> None:
    pair.load()
    pair._next_half = 0
    partition, start, size = _bounds(pair, payload, all_of_it)
    partition.erase(start, size)
    partition.program(start + HEADER_BYTES, payload)
    partition.program(start, pack_header(pair._sequence + 1, payload))


def _header_first(pair: Any, payload: bytes, all_of_it: bool = False) -> None:
    """Harmless by itself, since the CRC covers the payload; so its CRC covers the header only."""
    partition, start, size = _bounds(pair, payload, all_of_it)
    partition.erase(start, size)
    partition.program(start, pack_header(pair._sequence + 1, payload))
    partition.program(start + HEADER_BYTES, payload)
    pair._sequence += 1
    pair._next_half = 1 - pair._next_half


def _newest_erased_first(pair: Any, payload: bytes, all_of_it: bool = False) -> None:
    partition, start, size = _bounds(pair, payload, all_of_it)
    other = pair._start + (1 - pair._next_half) * pair._half
    partition.erase(other, partition.block_bytes)
    partition.erase(start, size)
    partition.program(start + HEADER_BYTES, payload)
    partition.program(start, pack_header(pair._sequence + 1, payload))
    pair._sequence += 1
    pair._next_half = 1 - pair._next_half


def _nothing_erased(pair: Any, payload: bytes, all_of_it: bool = False) -> None:
    partition, start, _ = _bounds(pair, payload, all_of_it)
    partition.program(start + HEADER_BYTES, payload)
    partition.program(start, pack_header(pair._sequence + 1, payload))
    pair._sequence += 1
    pair._next_half = 1 - pair._next_half


def _armed_before_its_journal(session: Any) -> None:
    session._slots.arm_trial()
    session._move("armed")
    session._restart = True


def _report_let_go_before_it_is_kept(session: Any, keep: Callable[[dict[str, Any]], None]) -> bool:
    if session._restart or session.state not in ("confirmed", "reverted", "failed"):
        return False
    report = session._report(session.state, session._journal.reason)
    session._move("reported")
    keep(report)
    return True


_two_banks = Settings.__init__


def _one_bank(settings: Any, partition: Any, slot: int = 0, steps: Any = STEPS) -> None:
    _two_banks(settings, partition, 0, steps)


@contextmanager
def _no_checksum() -> Iterator[None]:
    with patch.object(records, "is_whole", lambda header, payload: True):
        yield


@contextmanager
def _header_first_and_no_checksum() -> Iterator[None]:
    with _no_checksum(), patch.object(RecordPair, "store", _header_first):
        yield


WAYS: dict[str, Callable[[], Any]] = {
    "one record instead of two": lambda: patch.object(RecordPair, "store", _one_record),
    "header before payload, without its checksum": _header_first_and_no_checksum,
    "no checksum": _no_checksum,
    "the newest record erased first": lambda: patch.object(RecordPair, "store", _newest_erased_first),
    "nothing erased before a record": lambda: patch.object(RecordPair, "store", _nothing_erased),
    "boot record before the journal": lambda: patch.object(UpdateSession, "_arm", _armed_before_its_journal),
    "report let go before it is kept": lambda: patch.object(
        UpdateSession, "take_report", _report_let_go_before_it_is_kept
    ),
    "resumed a block too late": lambda: patch.object(
        SlotWriter, "resume_offset", property(lambda w: min(w.length, w.offset - w.offset % 4096 + 4096))
    ),
    "settings that are not brought over": lambda: patch.object(Settings, "prepare", lambda *_: None),
    "settings in one bank for both slots": lambda: patch.object(Settings, "__init__", _one_bank),
    "reports of a trial left behind": lambda: patch.object(Settings, "left_behind", lambda *_: b""),
    "written to the slot that runs": lambda: patch.object(
        Slots, "other", property(lambda slots: slots._partitions[slots.running])
    ),
}
