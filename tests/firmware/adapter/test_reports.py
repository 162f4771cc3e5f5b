"""Critical reports: kept until acknowledged, over restarts and power cuts, and never too many."""

import contextlib
from pathlib import Path

import pytest

from adapter.reports import MAX_REPORTS, MAX_STORED_BYTES, RESEND_MS, Reports
from adapter.settings import FLOOR_STEP_S, Settings
from protocol.host.table import MESSAGES
from protocol.wire.layouts import CRITICAL
from protocol.wire.messages import pack, unpack
from tests.conftest import RunMicroPython
from tests.firmware.model_flash import CuttingFlash, PowerCutError

BOOT_ID = 77


class Memory:
    """A store that counts how often it is written."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.writes = 0

    def load(self) -> bytes:
        return self.data

    def store(self, data: bytes) -> None:
        self.data = data
        self.writes += 1


def result(sequence: int, detail: str = "") -> bytes:
    values = {"command_id": 1000 + sequence, "result": 0, "detail": detail}
    return pack("command_result", values, BOOT_ID, sequence)


def update(sequence: int) -> bytes:
    values = {
        "assignment": 1, "state": 6, "reason": 0, "target_counter": 2, "target_sha256": bytes(32), "release_counter": 2,
        "detail": "", "clock_s": 0,
    }  # fmt: skip
    return pack("update_report", values, BOOT_ID, sequence)


def sequences(messages: list[bytes]) -> list[int]:
    return [unpack(message).sequence for message in messages]


def test_a_report_is_due_at_once_and_again_until_it_is_acknowledged() -> None:
    reports = Reports(Memory())
    reports.add(result(1))
    assert sequences(reports.due(0, 8)) == [1]
    assert reports.due(RESEND_MS - 1, 8) == []
    assert reports.next_timer() == RESEND_MS
    assert sequences(reports.due(RESEND_MS, 8)) == [1]
    assert not reports.acknowledge(BOOT_ID, 2)
    assert not reports.acknowledge(BOOT_ID + 1, 1)
    assert reports.acknowledge(BOOT_ID, 1)
    assert (len(reports), reports.due(10 * RESEND_MS, 8), reports.next_timer()) == (0, [], None)


def test_after_a_lost_connection_all_are_due_again() -> None:
    reports = Reports(Memory())
    for sequence in (1, 2, 3):
        reports.add(result(sequence))
    assert sequences(reports.due(0, 2)) == [1, 2]
    reports.connection_lost()
    assert sequences(reports.due(1, 8)) == [1, 2, 3]


def test_reports_outlive_a_restart_with_their_identity() -> None:
    store = Memory()
    Reports(store).add(result(5))
    later = Reports(Memory(store.data))
    assert later.has_result_of(1005)
    assert not later.has_result_of(1006)
    assert later.due(0, 8) == [result(5)]


def test_when_there_are_too_many_the_oldest_goes_but_no_update_report() -> None:
    reports = Reports(Memory())
    reports.add(update(1))
    for sequence in range(2, MAX_REPORTS + 3):
        reports.add(result(sequence))
    assert len(reports) == MAX_REPORTS
    assert sequences(reports.due(0, 99)) == [1, *range(4, MAX_REPORTS + 3)]


def test_the_longest_reports_fit_the_store() -> None:
    store = Memory()
    reports = Reports(store)
    for sequence in range(40):
        reports.add(result(sequence, "x" * 120))
    assert len(store.data) <= MAX_STORED_BYTES
    assert len(reports) == MAX_REPORTS
    assert {name for _, name, _, _ in MESSAGES} >= set(CRITICAL)


@pytest.mark.parametrize("data", [b"\x05", b"\x01\x00", b"\x01\x00\x05abcde", b"\xff" * 50, bytes(50)])
def test_a_damaged_store_is_an_empty_one(data: bytes) -> None:
    assert len(Reports(Memory(data))) == 0


def test_reports_of_another_image_are_taken_over_once() -> None:
    other, store = Memory(), Memory()
    for sequence in (1, 2):
        Reports(other).add(result(sequence))
    reports = Reports(store)
    reports.add(result(2))
    writes = store.writes
    reports.adopt(other.data)
    assert (sequences(Reports(store).due(0, 9)), store.writes) == ([2, 1], writes + 1)
    reports.adopt(other.data)
    assert store.writes == writes + 1
    for damaged in (b"", b"\x00", b"\x07garbage"):
        reports.adopt(damaged)
    assert (len(reports), store.writes) == (2, writes + 1)


def test_a_power_cut_at_any_write_leaves_the_old_or_the_new_set(tmp_path: Path) -> None:
    outcomes = set()
    for cut_at in range(4):
        path = tmp_path / f"{cut_at}.bin"
        Reports(Settings(CuttingFlash(path).partition("settings"))).add(result(1))
        flash = CuttingFlash(path, cut_at)
        with contextlib.suppress(PowerCutError):
            Reports(Settings(flash.partition("settings"))).add(result(2))
        flash._file.flush()
        found = Reports(Settings(CuttingFlash(path).partition("settings")))
        outcomes.add(tuple(sequences(found.due(0, 8))))
    assert outcomes == {(1,), (1, 2)}


def test_the_clocks_floor_is_kept_at_most_once_a_day(tmp_path: Path) -> None:
    partition = CuttingFlash(tmp_path / "flash.bin").partition("settings")
    kept = Settings(partition)
    Reports(kept).add(result(1))
    day = 1_795_388_154
    for floor_s in (day, day + 10, day + FLOOR_STEP_S - 1, day - 5):
        kept.raise_floor(floor_s)
    again = Settings(partition)
    assert again.floor_s == day
    assert len(Reports(again)) == 1


def test_micropython_keeps_what_python_kept(micropython: RunMicroPython) -> None:
    store = Memory()
    reports = Reports(store)
    reports.add(result(1, "first"))
    reports.add(update(2))
    script = (
        "import sys\nfrom binascii import hexlify, unhexlify\nfrom adapter.reports import Reports\n"
        "class Store:\n"
        "    def load(self):\n        return unhexlify(sys.argv[1])\n"
        "    def store(self, data):\n        print(hexlify(data).decode())\n"
        "reports = Reports(Store())\n"
        "reports.acknowledge(77, 1)\n"
    )
    there = micropython(script, store.data.hex())
    reports.acknowledge(BOOT_ID, 1)
    assert there.strip() == store.data.hex()
