"""How punctually RTP leaves on the loopback, by the kernel's own times of each packet; needs the right to capture."""

from __future__ import annotations

import os
import re
import socket
import struct
import threading
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

_CAP_NET_RAW = 13
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_BUFFER_BYTES = 1 << 24  # everybody's traffic on the loopback passes by
_ETH_P_IP = 0x0800
_IP_OFFSET = 14
_UDP_OFFSET = 34
_RTP_OFFSET = 42
_FRAME_MS = 20.0

Flow = tuple[int, int]  # source and destination port


def capture_wanted() -> None:
    """Skips the test where this process may not capture; with CI set fails it, unless nobody here ever may."""
    if not may_capture():
        reason = "no right to capture packets (CAP_NET_RAW)"
        (pytest.fail if os.environ.get("CI") and may_be_granted() else pytest.skip)(reason)


def may_capture() -> bool:
    """True where this process is allowed to."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        return False
    return True


def may_be_granted(status: Path = Path("/proc/self/status")) -> bool:
    """Whether the kernel would let any process here, root too, capture; capabilities(7), the bounding set."""
    bounds = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
    return bounds is not None and bool(int(bounds[1], 16) >> _CAP_NET_RAW & 1)


class Pace:
    """Captures G.711 packets of `payload_bytes` while its context lasts."""

    def __init__(self, payload_bytes: int = 160) -> None:
        self._length = _RTP_OFFSET + 12 + payload_bytes
        self._times_ms: dict[Flow, list[float]] = defaultdict(list)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
        self._socket.bind(("lo", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        self._socket.settimeout(0.2)
        self._ended = False
        self._thread = threading.Thread(target=self._capture, daemon=True)

    def _capture(self) -> None:
        while not self._ended:
            try:
                data, extra, _, _ = self._socket.recvmsg(2048, 64)
            except TimeoutError:
                continue
            if len(data) != self._length or data[_IP_OFFSET + 9] != socket.IPPROTO_UDP:
                continue
            if data[_RTP_OFFSET] != 0x80 or data[_RTP_OFFSET + 1] & 0x7F not in (0, 8):
                continue
            seconds, nanoseconds = struct.unpack("qq", extra[0][2])
            flow = struct.unpack_from(">HH", data, _UDP_OFFSET)
            self._times_ms[flow[0], flow[1]].append(1000.0 * seconds + nanoseconds / 1e6)

    def errors_ms(self, flow: Flow) -> list[float]:
        """How far behind the most punctual one each packet left, beside its multiple of 20 ms; sorted."""
        times = self._times_ms[flow]
        offsets = [(time_ms - times[0] + _FRAME_MS / 2) % _FRAME_MS for time_ms in times]
        least = min(offsets)
        return sorted(offset - least for offset in offsets)

    def flows(self) -> dict[Flow, int]:
        """How many packets each flow has had."""
        return {flow: len(times) for flow, times in self._times_ms.items()}

    def p99_ms(self, flow: Flow) -> float:
        """Of the errors."""
        errors = self.errors_ms(flow)
        return errors[len(errors) * 99 // 100]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended = True
        self._thread.join()
        self._socket.close()
