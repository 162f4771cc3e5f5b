"""On MicroPython the line leaves the heap to an update and takes it back, in whatever state it is."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from tests.firmware.exchange import UdpExchange
from tests.firmware.voice_accounts import HOST, account
from tests.firmware.voice_board import VoiceBoard

A = "5550100"
LOOKS_S = 1.0  # some looks of the driver at what has changed


def lent(board: VoiceBoard) -> None:
    """Has an update take the heap."""
    board.order(borrow=1)
    board.wait_for(lambda event: event.get("lent", {}).get("lent") is True)


def test_a_line_whose_registrars_have_no_address_yet_outlives_an_update(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((HOST, 0))
        row = account(
            A,
            registrars=[{"host": "sip.example.net", "port": 5060, "transport": 0}],
            dns=[{"host": HOST, "port": silent.getsockname()[1]}],
        )
        with VoiceBoard(tmp_path / "a", row) as board:
            board.wait_line("registering")
            lent(board)
            time.sleep(LOOKS_S)
            board.order(borrow=0)
            board.wait_line("registering", after=len(board.events))
            assert board.log() == ""


def test_a_line_that_is_not_registered_does_not_say_so_after_an_update(tmp_path: Path) -> None:
    with UdpExchange() as exchange:
        row = account(A, exchange.port, password="wrong")
        with VoiceBoard(tmp_path / "a", row) as board:
            board.wait_line("failed")
            lent(board)
            mark = len(board.events)
            board.order(borrow=0)
            board.wait_line("failed", after=mark)
            states = [event["line"]["state"] for event in board.events if "line" in event]
            assert "registered" not in states
