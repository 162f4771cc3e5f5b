"""The port's Inflater for CPython: zlib in the place of MicroPython's deflate."""

from __future__ import annotations

import zlib


class ZlibInflater:
    """As ports/unix/inflate.py's, in its interface and in what it raises."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._stream: zlib._Decompress | None = None
        self._left = b""

    @property
    def taken(self) -> int:
        """How many of the block's bytes are inflated."""
        assert self._stream is not None
        return len(self._written) - len(self._left) - len(self._stream.unused_data)

    def begin(self, deflated_bytes: int) -> None:
        """A block of so many bytes comes."""
        self._stream = None
        self._written.clear()

    def write(self, data: bytes) -> None:
        """The block's next bytes."""
        self._written += data

    def start(self, window_bits: int) -> None:
        """The block is whole."""
        self._stream = zlib.decompressobj(-window_bits)
        self._left = bytes(self._written)

    def readinto(self, buffer: bytearray) -> int:
        """Inflates into `buffer`; 0 at the end."""
        assert self._stream is not None
        try:
            data = self._stream.decompress(self._left, len(buffer))
        except zlib.error as error:
            raise OSError(22, str(error)) from error
        self._left = self._stream.unconsumed_tail
        if not data and not self._stream.eof:
            raise EOFError
        buffer[: len(data)] = data
        return len(data)
