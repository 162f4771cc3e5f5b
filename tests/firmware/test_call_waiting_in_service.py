"""A whole unit with two calls at once: it hears what comes then and afterwards, and its session with the fleet returns.

A second call comes in during a call; a tap of the hook answers it, hanging up ends it, the held one rings again and is
answered. That leaves the heap in more and smaller pieces than anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from protocol.wire.enumerations import CALL_ENDS
from tests.firmware.test_calls_in_service import DIAL_TONE, A, B, Office
from tests.firmware.voice_accounts import account
from tests.firmware.voice_board import VoiceBoard

C = "5550102"
STEP_S = 20.0


class BusyOffice(Office):
    """With a second board that calls the unit."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        super().__init__(stack, folder)
        self.second = stack.enter_context(VoiceBoard(folder / "second", account(C, self.exchange.port)))
        self.second.wait_line("registered")
        self.second.phone.attach()

    def called_by(self, board: VoiceBoard) -> None:
        """`board` dials the unit, which hears of it."""
        board.phone.lift()
        assert board.phone.wait_for(lambda: board.phone.tones() == DIAL_TONE, STEP_S)
        before = self.exchange.requests.count("INVITE")
        board.phone.dial(A, 60, 60)
        assert board.phone.wait_for(lambda: self.exchange.requests.count("INVITE") > before, STEP_S)
        assert board.phone.wait_for(lambda: board.phone.tones() == (440, 480), STEP_S), board.phone.tones()

    def two_at_once(self) -> None:
        """The story above; both calls have ended then."""
        self.call()
        self.called_by(self.second)
        mark = len(self.second.events)
        self.phone.flash()
        self.second.wait_media(after=mark)
        self.phone.hang_up()
        assert CALL_ENDS[self.fleet.wait_for("call_record")["ended_by"]] == "us"
        assert self.phone.wait_for(lambda: self.phone.ringing, STEP_S), "the held call does not ring"
        self.phone.lift()
        assert self.is_heard()
        self.hang_up()
        self.second.phone.hang_up()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[BusyOffice]:
    with ExitStack() as stack:
        yield BusyOffice(stack, tmp_path)


def test_after_two_calls_at_once_the_unit_rings_and_finds_back_to_its_fleet(office: BusyOffice) -> None:
    for _ in range(2):
        office.two_at_once()
    office.fleet.stop_broker()
    office.unit.wait(lambda pins: pins["state"] == "connect")
    office.fleet.start_broker()
    office.unit.wait(lambda pins: pins["state"] == "ready", 60)
    office.called_by(office.far)
    assert office.phone.wait_for(lambda: office.phone.ringing, STEP_S)
    office.far.phone.hang_up()
    assert office.fleet.wait_for("call_record")["number"] == B
    assert "Traceback" not in office.unit.log()
