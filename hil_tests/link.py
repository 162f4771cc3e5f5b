"""Asks a board a question over its USB serial link, through pytest-embedded's `dut`."""

from __future__ import annotations

from typing import Any

from pytest_embedded import Dut

from protocol.wire import messages
from protocol.wire.link import FrameReader, encode_frame

ANSWER_TIMEOUT_S = 5


class Link:
    """One question at a time; damaged frames are counted in `dropped`."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut
        self._reader = FrameReader()
        self._sequence = 0

    def ask(self, name: str, **values: Any) -> messages.Message:
        """The reply that repeats the question's sequence."""
        self._sequence += 1
        self.send(encode_frame(messages.pack(name, values, 0, self._sequence)))
        while True:
            match = self._dut.expect(rb"[^\x00]*\x00", timeout=ANSWER_TIMEOUT_S)
            for payload in self._reader.feed(match.group()):
                reply = messages.unpack(payload)
                if reply.sequence == self._sequence:
                    return reply

    def send(self, data: bytes) -> None:
        """Bytes as they are, also such as are no frame."""
        self._dut.write(data)
