"""The USB serial link of the simulated board: standard input and output, which are its pseudo-terminal."""

import asyncio
import sys

from micropython import const

_READ_BYTES = const(256)
_WRITE_BYTES = const(256)
# A host that does not read for this long loses the rest, as with a real USB serial device.
_WRITE_LIMIT_MS = const(2000)
_WRITE_PAUSE_MS = const(2)


class Usb:
    """Bytes in and out; `dropped` counts bytes nobody read."""

    def __init__(self):
        self.dropped = 0
        self._reader = asyncio.StreamReader(sys.stdin.buffer)
        self._view = memoryview(bytearray(_READ_BYTES))  # read into: later the heap may be in pieces
        self._out = sys.stdout.buffer

    async def read(self):
        """The next bytes, at least one."""
        return bytes(self._view[: await self._reader.readinto(self._view)])

    def put(self, data):
        """Sends what the host takes at once: the number of bytes, or None."""
        return self._out.write(data)

    async def write(self, data):
        """Sends `data`; what the host does not take in time is dropped and counted."""
        view = memoryview(data)
        at = 0
        waited_ms = 0
        while at < len(view):
            sent = self._out.write(view[at : at + _WRITE_BYTES])
            if sent:
                at += sent
                continue
            if waited_ms >= _WRITE_LIMIT_MS:
                self.dropped += len(view) - at
                return
            await asyncio.sleep_ms(_WRITE_PAUSE_MS)
            waited_ms += _WRITE_PAUSE_MS
