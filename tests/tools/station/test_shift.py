"""What a shift came to: from events that survive a power cut, as figures, CSV and a page."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

from tools.station.port_states import PortState
from tools.station.run import Board, Port
from tools.station.shift import EVENTS, Event, ShiftJournal, as_json, read_events, report_of, shift_of
from tools.station.shift_page import csv_of, page_of

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
SERIALS = ("PT000000018", "PT000000026", "PT000000034")


def ended(number: int, state: PortState, reason: str = "", **took_s: float) -> Port:
    board = Board(f"{number:016x}", SERIALS[number], "02:00:5E:00:00:00")
    return Port(f"1-{number}", state, step="stock", board=board, reason=reason, ended_s=3.0, took_s=took_s)


def kept(folder: Path, *ports: Port, operator: str = "PE-5") -> list[Event]:
    journal = ShiftJournal(folder, lambda: operator, lambda: NOW)
    for port in ports:
        journal.changed(Port(port.name), port)
        journal.changed(port, port)  # no other state: it is kept once
    return journal.events()


def test_yield_counts_boards_and_the_first_try_apart(tmp_path: Path) -> None:
    events = kept(
        tmp_path,
        ended(0, PortState.DONE, write=1.0, key=2.0),
        ended(1, PortState.FAILED, "PT000000026 failed its self-test: ethernet"),
        ended(1, PortState.DONE, write=3.0),
        ended(2, PortState.FAILED, "PT000000034 failed its self-test: ethernet"),
    )
    report = report_of(events)
    assert (report.boards, report.done, report.first_time, report.failed) == (3, 2, 1, 1)
    assert (report.yield_percent, report.first_yield_percent) == (66.7, 33.3)
    assert report.reasons == (("stock: the unit failed its self-test: ethernet", 2),)
    assert [(each.step, each.times, each.median_s) for each in report.steps] == [("write", 2, 2.0), ("key", 1, 2.0)]
    assert report.operators == ("PE-5",)


def test_board_that_waits_for_the_fleet_is_neither_done_nor_failed(tmp_path: Path) -> None:
    report = report_of(kept(tmp_path, ended(0, PortState.AWAITING_CERTIFICATE, "no network")))
    assert (report.waiting, report.done, report.failed, report.yield_percent) == (1, 0, 0, 0.0)


def test_half_a_line_of_a_power_cut_is_skipped_and_ends_there(tmp_path: Path) -> None:
    kept(tmp_path, ended(0, PortState.DONE))
    with (tmp_path / EVENTS).open("ab") as file:
        file.write(b'{"at": "2026-03-0')
    events = kept(tmp_path, ended(1, PortState.DONE))
    assert [event.serial for event in events] == list(SERIALS[:2])


def test_last_shift_is_reported_unless_another_is_named(tmp_path: Path) -> None:
    early = ShiftJournal(tmp_path, now=lambda: NOW)
    early.changed(Port("1-0"), ended(0, PortState.DONE))
    late = ShiftJournal(tmp_path, now=lambda: NOW.replace(hour=23))
    late.changed(Port("1-1"), ended(1, PortState.DONE))
    events = read_events(tmp_path / EVENTS)
    assert [event.serial for event in shift_of(events, "")] == [SERIALS[1]]
    assert [event.serial for event in shift_of(events, NOW.isoformat(timespec="seconds"))] == [SERIALS[0]]
    assert len(shift_of(events, "all")) == 2
    assert shift_of([], "") == []


def test_csv_has_a_row_a_board_and_no_formula(tmp_path: Path) -> None:
    events = kept(tmp_path, ended(0, PortState.FAILED, "=HYPERLINK(1)", write=1.5))
    rows = list(csv.DictReader(io.StringIO(csv_of(events))))
    assert [(row["serial"], row["state"], row["reason"], row["write_s"]) for row in rows] == [
        ("PT000000018", "failed", "'=HYPERLINK(1)", "1.5")
    ]


def test_page_stands_alone_and_escapes_what_it_shows(tmp_path: Path) -> None:
    page = page_of(report_of(kept(tmp_path, ended(0, PortState.FAILED, "<script>x</script>"))))
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "http" not in page
    assert as_json(report_of([]))["yield_percent"] == 0.0
    assert "nothing failed" in page_of(report_of([]))
