"""Inflates the blocks of a delta with the runtime's own decoder."""

from io import BytesIO

from deflate import RAW, DeflateIO


class Inflater:
    """Begun with a block, written to until that is whole, then started, then read from; and so on with the next."""

    def __init__(self):
        self._file = self._stream = None

    @property
    def taken(self):
        """How many of the block's bytes are inflated."""
        return self._file.tell()

    def begin(self, deflated_bytes):
        """A block of so many bytes comes."""
        self._file = self._stream = None  # the last one's make way
        self._file = BytesIO(deflated_bytes)

    def write(self, data):
        """The block's next bytes."""
        self._file.write(data)

    def start(self, window_bits):
        """The block is whole; its window has 2**window_bits bytes."""
        self._file.seek(0)
        self._stream = DeflateIO(self._file, RAW, window_bits)

    def readinto(self, buffer):
        """Inflates into `buffer`; how many bytes, 0 at the end. OSError or EOFError if the block is damaged."""
        return self._stream.readinto(buffer)
