"""Call records wait on flash: over restarts and power cuts, the oldest first, each until the fleet has it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.call_log import SLOT_BYTES, CallLog
from protocol.wire.messages import layout_of, pack, unpack
from tests.firmware.adapter.test_event_log import SmallPartition
from tests.firmware.model_flash import PowerCutError

RESEND_MS = 20_000
FIELDS = [(field[0], field[1], field[2], field[3]) for field in layout_of("call_record")[3]]
SLOTS = SmallPartition.size // SLOT_BYTES
BOOT_ID = 7


def record(number: int, widest: bool = False) -> bytes:
    values = {name: ("" if kind == 17 else low) for name, kind, low, _ in FIELDS}
    if widest:
        values = {name: ("9" * high if kind == 17 else high) for name, kind, _, high in FIELDS}
    return pack("call_record", {**values, "record_id": number}, BOOT_ID, number)


def add(log: CallLog, count: int = 1) -> None:
    for _ in range(count):
        log.add(record(log.last_number + 1))


def numbers(messages: Iterable[bytes]) -> list[int]:
    return [int(unpack(message)["record_id"]) for message in messages]


def drain(log: CallLog) -> list[int]:
    """All that wait, acknowledged as they come."""
    found = []
    while len(log):
        due = numbers(log.due(0, 4))
        assert due
        for number in due:
            assert log.acknowledge(BOOT_ID, number)
        found += due
    return found


def test_an_empty_log_has_nothing_to_send() -> None:
    log = CallLog(SmallPartition())
    assert (len(log), log.due(0, 4), log.next_timer()) == (0, [], None)


def test_records_come_the_oldest_first_and_again_until_they_are_acknowledged() -> None:
    log = CallLog(SmallPartition())
    add(log, 2)
    assert log.next_timer() == 0
    assert numbers(log.due(5, 9)) == [1, 2]
    assert log.due(5, 9) == []
    assert log.next_timer() == 5 + RESEND_MS
    assert log.acknowledge(BOOT_ID, 1)
    assert not log.acknowledge(BOOT_ID, 1)
    assert not log.acknowledge(BOOT_ID + 1, 2)
    assert numbers(log.due(5 + RESEND_MS, 9)) == [2]
    log.connection_lost()
    assert numbers(log.due(6, 9)) == [2]


def test_the_longest_record_fits_into_a_slot_and_nothing_longer() -> None:
    log = CallLog(SmallPartition())
    log.add(record(1, widest=True))
    assert drain(log) == [1]
    with pytest.raises(ValueError, match="123"):
        log.add(bytes(123))


def test_what_waits_and_the_last_number_outlive_a_restart() -> None:
    partition = SmallPartition()
    log = CallLog(partition)
    add(log, 3)
    log.due(0, 1)
    log.acknowledge(BOOT_ID, 1)
    again = CallLog(partition)
    assert (len(again), again.last_number) == (2, 3)
    assert drain(again) == [2, 3]
    assert (len(CallLog(partition)), CallLog(partition).last_number) == (0, 3)


def test_of_a_fleet_away_for_long_the_oldest_records_go() -> None:
    partition = SmallPartition()
    log = CallLog(partition)
    add(log, 3 * SLOTS)
    kept = drain(CallLog(partition))
    assert kept == list(range(3 * SLOTS - len(kept) + 1, 3 * SLOTS + 1))
    assert len(kept) > SLOTS // 2


@given(st.lists(st.sampled_from(["add", "send", "acknowledge", "restart"]), max_size=60), st.integers(0, 4000))
def test_after_a_power_cut_at_any_byte_nothing_acknowledged_waits_and_nothing_kept_is_lost(
    acts: list[str], cut_after_bytes: int
) -> None:
    partition = SmallPartition()
    log = CallLog(partition)
    partition.cut_after_bytes = cut_after_bytes
    kept: list[int] = []
    acknowledged: set[int] = set()
    sent: list[int] = []
    unsure: set[int] = set()
    try:
        for act in acts:
            if act == "add":
                unsure = {log.last_number + 1}
                add(log)
                kept.append(log.last_number)
            elif act == "send":
                sent += numbers(log.due(0, 4))
            elif act == "restart":
                log, sent = CallLog(partition), []
            elif sent:
                unsure = {sent[0]}
                if log.acknowledge(BOOT_ID, sent[0]):
                    acknowledged.add(sent[0])
                sent.pop(0)
            unsure = set()
    except PowerCutError:
        pass
    partition.cut_after_bytes = None
    found = drain(CallLog(partition))
    assert found == sorted(found)
    assert not acknowledged & set(found)
    newest = [number for number in kept[-SLOTS // 2 :] if number not in acknowledged | unsure]
    assert set(newest) <= set(found)
