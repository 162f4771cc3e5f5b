"""The station's end of the USB serial link to firmware in factory mode: one question at a time, each safe to repeat."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

from protocol.wire import messages
from protocol.wire.errors import WireError
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_enumerations import LINK_RESULTS
from tools.sim.loader import SerialPort
from tools.station.errors import LinkError, RefusedByUnitError

ANSWER_LIMIT_S: Final = 5.0  # docs/protocol.md, provisioning
ATTEMPTS: Final = 3
HELLO_LIMIT_S: Final = 0.5
FIND_LIMIT_S: Final = 15.0  # a unit boots, tests nothing and listens well within it
_READ_LIMIT_S: Final = 0.05
_OK = LINK_RESULTS.index("ok")


class UnitLink:
    """Asks the unit on `port`. Its own boot id keeps answers to an earlier station's questions apart."""

    def __init__(self, port: SerialPort) -> None:
        self._port = port
        self._frames = FrameReader()
        self._boot_id = secrets.randbits(32)
        self._sequence = 0
        port.timeout = _READ_LIMIT_S
        port.write(b"\x00")  # ends whatever noise came before

    def find(self, limit_s: float = FIND_LIMIT_S) -> messages.Message:
        """The answer to `hello`: a hello_reply of firmware, or `done` of a ROM loader; LinkError if nobody is there."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            answer = self._ask_once("hello", {}, HELLO_LIMIT_S)
            if answer is not None:
                return answer
        raise LinkError(f"nobody answers on the port in {limit_s:.0f} s; is the board powered and its cable in?")

    def ask(self, name: str, values: dict[str, Any], wanted: str = "done") -> messages.Message:
        """The unit's answer, a message called `wanted`; the same question is sent again when no answer comes."""
        for _ in range(ATTEMPTS):
            answer = self._ask_once(name, values, ANSWER_LIMIT_S)
            if answer is None:
                continue
            if answer.name == "done" and answer["result"] != _OK:
                raise RefusedByUnitError(
                    f"the unit refuses {name}: {LINK_RESULTS[answer['result']]}: {answer['detail']}"
                )
            if answer.name != wanted:
                raise LinkError(f"{name} was answered by {answer.name}; is another program on the port?")
            return answer
        raise LinkError(f"no answer to {name}; is the board still powered and its cable in?")

    def _ask_once(self, name: str, values: dict[str, Any], limit_s: float) -> messages.Message | None:
        self._sequence += 1
        self._port.write(encode_frame(messages.pack(name, values, self._boot_id, self._sequence)))
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            # One byte at least, so that the read ends as soon as an answer begins to come.
            for payload in self._frames.feed(self._port.read(max(1, getattr(self._port, "in_waiting", 1)))):
                try:
                    message: messages.Message = messages.unpack(payload)
                except WireError:
                    continue  # noise, or a newer peer's
                if (message.boot_id, message.sequence) == (self._boot_id, self._sequence):
                    return message
        return None
