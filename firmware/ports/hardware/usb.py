"""The USB serial link of a real board: MicroPython's console stream, with its control characters switched off."""

import asyncio
import select
import sys

import micropython

_READ_BYTES = micropython.const(512)
_WRITE_BYTES = micropython.const(64)
_PAUSE_MS = micropython.const(5)  # at 115,200 baud 58 bytes come in it; the console holds 260 and more


class Usb:
    """Bytes in and out; `dropped` counts bytes nobody read: here the driver drops them, and does not say."""

    def __init__(self):
        self.dropped = 0
        micropython.kbd_intr(-1)  # byte 3 is data like any other: it stops no program
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._poller = select.poll()
        self._poller.register(sys.stdin, select.POLLIN)
        self._buffer = bytearray(_READ_BYTES)

    async def read(self):
        """The next bytes, at least one. The stream waits for as many as it is asked for: so one by one."""
        count = 0
        while not count:
            while count < _READ_BYTES and self._poller.poll(0):
                self._buffer[count : count + 1] = self._in.read(1)
                count += 1
            if not count:
                await asyncio.sleep_ms(_PAUSE_MS)
        return bytes(memoryview(self._buffer)[:count])

    def put(self, data):
        """Sends what the console takes at once: the number of bytes."""
        return self._out.write(data[:_WRITE_BYTES])

    async def write(self, data):
        """Sends `data`; other tasks get their turn meanwhile."""
        view = memoryview(data)
        for at in range(0, len(view), _WRITE_BYTES):
            self._out.write(view[at : at + _WRITE_BYTES])
            await asyncio.sleep_ms(0)
