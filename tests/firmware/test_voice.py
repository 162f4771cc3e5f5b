"""The voice driver on MicroPython, with real sockets and telephones on loopback: pace, heap, cable, failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from protocol.wire.enumerations import CALL_ENDS
from tests.firmware.exchange import UdpExchange
from tests.firmware.voice_accounts import account
from tests.firmware.voice_board import VoiceBoard

A, B = "5550100", "5550101"
DIAL_TONE = (350, 440)
START_MS = 150
START_TRIES = 6  # other processes may be in the way of one


@pytest.fixture
def exchange() -> Iterator[UdpExchange]:
    with UdpExchange() as made:
        yield made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def board(stack: ExitStack, folder: Path, user: str, *ports: int, **changes: object) -> VoiceBoard:
    made = stack.enter_context(VoiceBoard(folder / user, account(user, *ports, **changes)))
    made.phone.attach()
    return made


def pair(stack: ExitStack, folder: Path, exchange: UdpExchange, **changes: object) -> tuple[VoiceBoard, VoiceBoard]:
    """Two registered boards."""
    boards = [board(stack, folder, user, exchange.port, **changes) for user in (A, B)]
    for each in boards:
        each.wait_line("registered")
    return boards[0], boards[1]


def call(caller: VoiceBoard, callee: VoiceBoard) -> None:
    """`caller` dials B, who lifts the handset."""
    caller.phone.lift()
    assert caller.phone.wait_for(lambda: caller.phone.tones() == DIAL_TONE, 5)
    caller.phone.dial(B, 60, 60)
    assert callee.phone.wait_for(lambda: callee.phone.ringing, 10)
    callee.phone.lift()
    for each in (caller, callee):
        each.wait_media()


def test_a_started_board_is_registered_within_150_ms(exchange: UdpExchange, tmp_path: Path) -> None:
    took_ms = []
    for number in range(START_TRIES):
        with VoiceBoard(tmp_path / str(number), account(A, exchange.port)) as made:
            took_ms.append(1000 * (made.wait_line("registered")["s"] - made.started_s))
        if took_ms[-1] < START_MS:
            return
    pytest.fail(f"registered after {took_ms} ms")


def test_a_call_keeps_its_pace_and_allocates_nothing_per_frame(
    exchange: UdpExchange, stack: ExitStack, tmp_path: Path
) -> None:
    caller, callee = pair(stack, tmp_path, exchange)
    call(caller, callee)
    for each in (caller, callee):
        each.order(reset=1, lock=1)
    callee.wait_for(lambda event: event.get("steady", 0) >= 300)
    figures = caller.stats()
    assert figures["cpu_share"] <= 0.02, figures
    assert figures["frame"]["p99_us"] < 2000, figures
    caller.phone.hang_up()
    ended = [CALL_ENDS[each.wait_for("call_record")["call_record"]["ended_by"]] for each in (caller, callee)]
    assert ended == ["us", "peer"]
