"""The event log: what was written is there after restarts, power cuts and many times round the ring."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.event_log import RECORD_BYTES, EventLog
from tests.conftest import RunMicroPython
from tests.firmware.model_flash import CuttingFlash, PowerCutError

BOOT = 0
NOW_S = 1_795_388_154
BLOCK_BYTES = 256


class SmallPartition:
    """Four erase blocks of eight records, with the NOR rule, torn at the write a test names."""

    size = 4 * BLOCK_BYTES
    block_bytes = BLOCK_BYTES

    def __init__(self) -> None:
        self.data = bytearray(b"\xff" * self.size)
        self.cut_after_bytes: int | None = None
        self.reads = 0

    def readinto(self, offset: int, buffer: bytearray) -> None:
        self.reads += 1
        buffer[:] = self.data[offset : offset + len(buffer)]

    def program(self, offset: int, data: bytes) -> None:
        for at, byte in enumerate(data):
            self._spend()
            assert self.data[offset + at] & byte == byte, "a program may only clear bits"
            self.data[offset + at] = byte

    def erase(self, offset: int, length: int) -> None:
        assert offset % BLOCK_BYTES == 0
        assert length % BLOCK_BYTES == 0
        for at in range(offset, offset + length):
            self._spend()
            self.data[at] = 0xFF

    def _spend(self) -> None:
        if self.cut_after_bytes is not None:
            if self.cut_after_bytes == 0:
                raise PowerCutError
            self.cut_after_bytes -= 1


def values(log: EventLog, count: int = 1000) -> list[int]:
    return [value for _, _, value in log.recent(count)]


def test_an_empty_log_has_no_events() -> None:
    assert EventLog(SmallPartition()).recent(10) == []


@pytest.mark.parametrize("count", [1, 7, 8, 9, 31, 32, 33, 100, 257])
def test_the_youngest_events_are_there_after_a_restart(count: int) -> None:
    partition = SmallPartition()
    log = EventLog(partition)
    for value in range(count):
        log.append(3, value, NOW_S, 0)
    kept = values(EventLog(partition))
    assert kept == list(range(count - len(kept), count))
    assert len(kept) == count if count <= 32 else len(kept) >= 24
    assert values(EventLog(partition), 5) == kept[-5:]


def test_every_restart_goes_on_where_the_last_one_ended() -> None:
    partition = SmallPartition()
    for value in range(90):
        EventLog(partition).append(3, value, NOW_S, 0)
    assert values(EventLog(partition))[-24:] == list(range(66, 90))


@settings(max_examples=200)
@given(st.integers(0, 70), st.integers(0, 350), st.integers(0, 3))
def test_a_power_cut_at_any_byte_costs_at_most_the_event_it_hit(before: int, cut_after_bytes: int, again: int) -> None:
    partition = SmallPartition()
    log = EventLog(partition)
    for value in range(before):
        log.append(3, value, NOW_S, 0)
    done = before
    for attempt in range(again + 1):
        partition.cut_after_bytes = cut_after_bytes + attempt
        try:
            while True:
                log.append(3, done, NOW_S, 0)
                done += 1
        except PowerCutError:
            partition.cut_after_bytes = None
        log = EventLog(partition)
        kept = values(log)
        # A block that was being erased held the oldest ones only.
        assert kept == list(range(done - len(kept), done))
        assert len(kept) >= min(done, 16)
    log.append(3, done, NOW_S, 0)
    assert values(EventLog(partition))[-1] == done


def test_events_from_before_the_time_was_set_get_their_time() -> None:
    partition = SmallPartition()
    log = EventLog(partition)
    log.append(BOOT, 1, 0, 10)  # a start that never learnt the time
    log.append(1, 2, 0, 20)
    log.append(BOOT, 3, 0, 10)
    log.append(1, 4, 0, 2_000)
    log.append(4, 5, NOW_S, 10_000)
    times = {value: utc_s for utc_s, _, value in EventLog(partition).recent(10)}
    assert times == {1: 0, 2: 0, 3: NOW_S - 10, 4: NOW_S - 8, 5: NOW_S}


def test_opening_a_full_log_reads_few_records() -> None:
    partition = SmallPartition()
    log = EventLog(partition)
    for value in range(32):
        log.append(3, value, NOW_S, 0)
    partition.reads = 0
    EventLog(partition)
    assert partition.reads <= 12


def test_garbage_in_the_partition_is_no_event_and_no_obstacle() -> None:
    partition = SmallPartition()
    partition.data[:] = bytes(range(256)) * 4
    log = EventLog(partition)
    assert log.recent(10) == []
    log.append(3, 1, NOW_S, 0)
    assert values(EventLog(partition)) == [1]


def test_micropython_reads_what_python_wrote_and_goes_on(micropython: RunMicroPython, tmp_path: Path) -> None:
    flash = CuttingFlash(tmp_path / "flash.bin")
    log = EventLog(flash.partition("event_log"))
    for value in range(600):
        log.append(3, value, NOW_S, 5)
    flash._file.flush()
    part = flash.partition("event_log")
    script = (
        "import sys\nfrom adapter.event_log import EventLog\nfrom ports.unix.flash import Flash\n"
        f"flash = Flash(sys.argv[1], {flash.size}, 4096, {{'event_log': ({part._offset}, {part.size})}})\n"
        "log = EventLog(flash.partition('event_log'))\n"
        "log.append(3, 600, 1, 2)\n"
        "print([row[2] for row in EventLog(flash.partition('event_log')).recent(400)])\n"
    )
    there = micropython(script, tmp_path / "flash.bin")
    assert there.strip() == str(list(range(201, 601)))
    assert part.size // RECORD_BYTES == 512
