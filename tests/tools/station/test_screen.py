"""The full screen through Textual's pilot, over a bench that is played: words with every colour, and the scanner."""

import asyncio
import threading
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from tools.station.errors import StationError
from tools.station.journal import Journal
from tools.station.port_states import PortState
from tools.station.run import Board, Listener, Port
from tools.station.screen import COLOURS, StationScreen, counts_of, line_of

BADGE = "plt_adas-badge"
UNITS = [Board("00" * 8, "PT000000018", "02:00:5E:00:00:00"), Board("01" * 8, "PT000000026", "02:00:5E:00:00:01")]


class PlayedStation:
    """The ports as the test sets them."""

    def __init__(self, ports: list[Port]) -> None:
        self.ports = ports
        self.tried: list[str] = []

    def retry(self, name: str) -> None:
        self.tried.append(name)


class PlayedOperators:
    """Knows one badge."""

    def __init__(self) -> None:
        self.operator, self.station, self.may_begin = "PE-5", "bench-3", True

    def sign_in(self, badge: str) -> str:
        if badge != BADGE:
            raise StationError("that is no operator's badge; scan the QR code of your badge")
        self.may_begin = True
        return self.operator


class PlayedFleet:
    """Out of reach or not, as the test says."""

    in_reach, trouble = True, ""


class PlayedBench:
    """Works until the screen ends."""

    def __init__(self, folder: Path, ports: list[Port]) -> None:
        self.journal = Journal(folder)
        self.operators = PlayedOperators()
        self.fleet = PlayedFleet()
        self.reprinted: list[tuple[str, str]] = []
        self.station = PlayedStation(ports)

    def reprint(self, serial: str, reason: str) -> Path:
        self.reprinted.append((serial, reason))
        return Path(f"{serial}.png")

    def run(self, listeners: list[Listener], ended: threading.Event) -> None:
        for port in self.station.ports:
            listeners[0].changed(Port(port.name), port)
        ended.wait()


def shown(screen: StationScreen) -> str:
    return "\n".join(str(each.render()) for each in screen.query(Static))


def play(bench: PlayedBench, *typed: str, bell: bool = False) -> tuple[str, int]:
    """What stands on the screen after that was typed, and how often it rang."""
    rings: list[int] = []

    async def body() -> str:
        screen = StationScreen(bench, bell)  # type: ignore[arg-type]  # played
        screen.bell = lambda: rings.append(1)  # type: ignore[method-assign]
        async with screen.run_test(size=(140, 30)) as pilot:
            for text in typed:
                screen.query_one(Input).value = text
                await pilot.press("enter")
            await screen.show_ports()
            return shown(screen)

    return asyncio.run(body()), len(rings)


def test_every_state_is_a_word_and_a_colour_repeats_it() -> None:
    assert set(COLOURS) == set(PortState)
    for state in PortState:
        assert state.upper() in line_of(Port("1-1", state), marked=False).plain


def test_ports_stand_one_a_line_with_unit_progress_and_reason(tmp_path: Path) -> None:
    ports = [
        Port("1-1", PortState.TESTING, step="self-test", board=UNITS[0]),
        Port("1-2", PortState.FAILED, board=UNITS[1], reason="failed its self-test: ethernet (value 0); mend it"),
        Port("1-3"),
    ]
    text, rings = play(PlayedBench(tmp_path, ports))
    assert "TESTING" in text
    assert "PT000000018" in text
    assert "████" in text
    assert "FAILED" in text
    assert "ethernet (value 0); mend it" in text
    assert "WAITING" in text
    assert "1 working, 0 waiting for the fleet, 1 failed" in text
    assert rings == 0
    assert counts_of([]) == "0 working, 0 waiting for the fleet, 0 failed"


def test_bell_rings_only_when_it_was_asked_for(tmp_path: Path) -> None:
    assert play(PlayedBench(tmp_path, [Port("1-1", PortState.DONE, board=UNITS[0])]), bell=True)[1] == 1


def test_scanned_unit_is_marked_and_an_unknown_one_refused(tmp_path: Path) -> None:
    bench = PlayedBench(tmp_path, [Port("1-1", PortState.DONE, board=UNITS[0])])
    text, _ = play(bench, "http://fleet.example/claim#PT000000018-ABCDEFGHJKMN")
    assert "OK  PT000000018 is on 1-1: done" in text
    assert "> 1-1" in text
    assert "ABCDEFGHJKMN" not in text
    assert "REFUSED  PT000000026 is not known at this station; set it aside" in play(bench, "pt000000026")[0]
    assert "REFUSED  that is no serial number" in play(bench, "5901234123457")[0]


def test_unit_of_the_journal_is_found_by_either_name(tmp_path: Path) -> None:
    bench = PlayedBench(tmp_path, [])
    journal = bench.journal
    journal.store(journal.load("01" * 8), serial=UNITS[1].serial, mac=UNITS[1].mac, stocked=True)
    for scanned in ("PT000000026", "02005e000001"):
        assert "PT000000026, 02:00:5E:00:00:01: labelled and in stock" in play(bench, scanned)[0]


def test_failed_port_is_tried_again_on_request(tmp_path: Path) -> None:
    bench = PlayedBench(tmp_path, [Port("1-1", PortState.FAILED)])
    assert "OK  1-1 is tried again" in play(bench, "retry 1-1")[0]
    assert bench.station.tried == ["1-1"]


@pytest.mark.parametrize("text", ["", "   ", "x" * 300])
def test_nothing_scanned_is_refused(tmp_path: Path, text: str) -> None:
    assert "REFUSED  nothing was scanned" in play(PlayedBench(tmp_path, []), text)[0]


def test_nobody_works_before_a_badge_is_scanned_and_no_badge_is_shown(tmp_path: Path) -> None:
    bench = PlayedBench(tmp_path, [])
    bench.operators.may_begin = False
    assert "Nobody is signed in: scan your badge" in play(bench)[0]
    assert "REFUSED  that is no operator's badge" in play(bench, "PT000000018")[0]
    text, _ = play(bench, BADGE)
    assert "OK  PE-5 works at bench-3" in text
    assert BADGE not in text


def test_badge_is_hidden_while_it_is_typed(tmp_path: Path) -> None:
    async def body() -> bool:
        screen = StationScreen(PlayedBench(tmp_path, []), False)  # type: ignore[arg-type]  # played
        async with screen.run_test() as pilot:
            await pilot.press(*BADGE[:8])
            return bool(screen.query_one(Input).password)

    assert asyncio.run(body())


def test_label_is_printed_again_by_scan_and_reason(tmp_path: Path) -> None:
    bench = PlayedBench(tmp_path, [])
    text, _ = play(bench, "reprint http://fleet.example/claim#PT000000018-ABCDEFGHJKMN smudged in the rain")
    assert "OK  the new label is PT000000018.png; the code on the old one is dead" in text
    assert bench.reprinted == [("PT000000018", "smudged in the rain")]


def test_head_says_in_words_that_the_network_is_away(tmp_path: Path) -> None:
    bench = PlayedBench(tmp_path, [])
    bench.fleet.in_reach, bench.fleet.trouble = False, "PT000000026: set aside"
    text, _ = play(bench)
    assert "NO NETWORK: working from the lease" in text
    assert "TROUBLE: PT000000026: set aside" in text
    bench.fleet.trouble = "got ['ram'] [/board]"  # the fleet's own words, no markup
    assert "TROUBLE: got ['ram'] [/board]" in play(bench)[0]
