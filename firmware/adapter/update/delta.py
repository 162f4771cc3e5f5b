"""Makes an image from the one that runs and a delta, as the delta's bytes arrive (docs/delta.md). No I/O.

- Nothing is read outside the base, and nothing is written beyond the image's length.
- Work and memory are bounded: a block makes at most MAX_BLOCK_IMAGE_BYTES from at most MAX_DEFLATED_BYTES, by at
  most MAX_BLOCK_COPIES. Nobody has signed for its bytes yet.
- It does not hash: the image counts only after the whole slot hashed to what metadata says (update-security).
"""

from adapter.update.errors import DeltaError
from protocol.wire.delta import (
    BLOCK_HEAD_BYTES,
    HEADER_BYTES,
    MAX_BLOCK_COPIES,
    MAX_NUMBER_BYTES,
    unpack_block_head,
    unpack_header,
)
from protocol.wire.errors import WireError

_OUT_BYTES = 1024  # handed to `write` at a time, for a program of flash has its price
_IN_BYTES = 128  # inflated at a time


class DeltaApplier:
    """`base` and `image` are (length in bytes, SHA-256) as metadata names them.

    `read_base(offset, buffer)` fills `buffer` from the base; `write(data)` takes the image's bytes in order, its
    `data` is overwritten afterwards. `inflater` is the port's (ports/unix/inflate.py). `resume` is what an earlier
    applier of the same delta and image had as `resume`: (offset in the delta, offset in the image), both in bytes.
    After an error an applier is of no more use.
    """

    def __init__(self, base, image, read_base, write, inflater, resume=(0, 0)):
        self._base = base
        self._image = image
        self._read_base = read_base
        self._write = write
        self._inflater = inflater
        self.resume = resume  # where a fresh applier may go on: after the last whole block, all written
        self._head = bytearray()
        self._head_bytes = HEADER_BYTES if resume[0] == 0 else BLOCK_HEAD_BYTES
        self._missing = 0  # bytes of the block's deflated data
        self._block = (0, 0, 0)
        self._left = 0  # bytes that the block still has to make
        self._copies = 0  # that it may still have
        self._source = 0  # where in the base the next bytes are
        self._out = memoryview(bytearray(_OUT_BYTES))
        self._filled = 0
        self._in = memoryview(bytearray(_IN_BYTES))
        self._in_at = self._in_end = 0

    @property
    def is_whole(self):
        """True when all of the image is written."""
        return self.resume[1] == self._image[0]

    def feed(self, data):
        """Takes the delta's next bytes, any number of them.

        DeltaError if they are no delta from this base to this image; what `read_base` and `write` raise passes.
        """
        view = memoryview(data)
        while len(view):
            if self.is_whole:
                raise DeltaError("the delta goes on after the image's last byte")
            if self._missing:
                taken = min(self._missing, len(view))
                self._inflater.write(view[:taken])
                self._missing -= taken
                if not self._missing:
                    self._make_block()
            else:
                taken = min(self._head_bytes - len(self._head), len(view))
                self._head.extend(view[:taken])
                if len(self._head) == self._head_bytes:
                    self._read_head()
            view = view[taken:]

    def _read_head(self):
        """Of the delta, or of a block."""
        try:
            if self.resume[0] == 0:
                if unpack_header(self._head) != (self._base, self._image):
                    raise DeltaError("the delta is of another base or image; it names %r" % self._head[8:])
                self.resume = (HEADER_BYTES, 0)
            else:
                self._block = unpack_block_head(self._head, self._image[0] - self.resume[1])
                self._missing = self._block[1]
                self._inflater.begin(self._missing)
        except WireError as error:
            raise DeltaError(str(error))
        self._head = bytearray()
        self._head_bytes = BLOCK_HEAD_BYTES

    def _make_block(self):
        """The block's bytes are whole: makes its part of the image."""
        image_bytes, deflated_bytes, window_bits = self._block
        self._inflater.start(window_bits)
        self._in_at = self._in_end = 0
        self._left = image_bytes
        self._copies = MAX_BLOCK_COPIES
        self._source = self.resume[1]
        while self._left:
            self._make_record()
        if self._in_at < self._in_end or self._inflate() or self._inflater.taken != deflated_bytes:
            raise DeltaError("the block at byte %d goes on after its last record" % self.resume[0])
        self._flush()
        self.resume = (self.resume[0] + BLOCK_HEAD_BYTES + deflated_bytes, self.resume[1] + image_bytes)

    def _make_record(self):
        """A jump in the base, then copies and changes in turn until there is no change, then an insertion."""
        left = self._left
        jump = self._number()
        self._source += -(jump + 1 >> 1) if jump & 1 else jump >> 1
        changed = True
        while changed:
            if not self._copies:
                raise DeltaError("more than %d copies in the block at byte %d" % (MAX_BLOCK_COPIES, self.resume[0]))
            self._copies -= 1
            copied = self._number()
            changed = self._number()
            self._from_base(copied, changed)
        count = self._number()
        if count > self._left:
            raise DeltaError("an insertion of %d bytes, %d are left to make" % (count, self._left))
        while count:
            part = self._room(count)
            self._pull(part, 0, False)
            count -= len(part)
        if self._left == left:
            raise DeltaError("an empty record in the block at byte %d" % self.resume[0])

    def _from_base(self, copied, changed):
        """The base's next bytes: `copied` as they are, and `changed` with as many of the stream added to them."""
        count = copied + changed
        if not count:
            return  # wherever the source is: a block begins with it at the image's place, which the base may not have
        if count > self._left or self._source < 0 or self._source + count > self._base[0]:
            raise DeltaError(
                "%d bytes from %d: the base has %d, %d are left to make"
                % (count, self._source, self._base[0], self._left)
            )
        while count:
            part = self._room(count)
            taken = len(part)
            self._read_base(self._source, part)
            if taken > copied:
                self._pull(part, copied, True)
                copied = 0
            else:
                copied -= taken
            self._source += taken
            count -= taken

    def _room(self, count):
        """Room for some of the next `count` bytes of the image, which the caller fills."""
        if self._filled == _OUT_BYTES:
            self._flush()
        begin = self._filled
        self._filled = min(begin + count, _OUT_BYTES)
        self._left -= self._filled - begin
        return self._out[begin : self._filled]

    def _flush(self):
        self._write(self._out[: self._filled])
        self._filled = 0

    def _pull(self, part, at, added):
        """The stream's next bytes, into `part` from `at` on, or added to what is there."""
        while at < len(part):
            if self._in_at == self._in_end:
                self._more()
            begin = self._in_at
            self._in_at = end = min(begin + len(part) - at, self._in_end)
            stream = self._in
            if added:
                for i in range(begin, end):
                    part[at] = part[at] + stream[i] & 255
                    at += 1
            else:
                part[at : at + end - begin] = stream[begin:end]
                at += end - begin

    def _number(self):
        """Seven bits a byte, the lowest first; the highest bit says that more follow."""
        value = 0
        for shift in range(0, 7 * MAX_NUMBER_BYTES, 7):
            at = self._in_at
            if at == self._in_end:
                self._more()
                at = 0
            self._in_at = at + 1
            byte = self._in[at]
            if byte < 128:
                return value | byte << shift
            value |= (byte & 127) << shift
        raise DeltaError("a number of more than %d bytes" % MAX_NUMBER_BYTES)

    def _more(self):
        if not self._inflate():
            raise DeltaError("the block at byte %d ends within a record" % self.resume[0])

    def _inflate(self):
        """The stream's next bytes into `_in`; how many."""
        try:
            self._in_end = self._inflater.readinto(self._in)
        except (OSError, EOFError, MemoryError) as error:  # no room for the window: the full image needs none
            raise DeltaError("the block at byte %d does not inflate: %r" % (self.resume[0], error))
        self._in_at = 0
        return self._in_end
