"""An HTTP/1.1 client (RFC 9110, 9112) without I/O: GET requests out, one response after the other in.

- `request` gives the bytes to send, for a whole file or for what is left of it (a range).
- `Response.feed` takes what came in and hands body bytes to `sink` as they come; nothing is gathered here.
- Status line, header and trailer lines, their number, and the body have bounds; HttpError beyond them.
- Redirections, content codings and HTTP/1.0 without a length are not followed: this client talks to one
  server that has no use for them.
"""

from adapter.errors import AdapterError

MAX_LINE_BYTES = 1024
MAX_HEADERS = 48
MAX_INTERIM_RESPONSES = 4
MAX_ERROR_PAGE_BYTES = 65_536
_MAX_LENGTH_DIGITS = 10
_MAX_CHUNK_DIGITS = 7
_HEX = b"0123456789abcdefABCDEF"


class HttpError(AdapterError):
    """The server's answer breaks HTTP or a bound; the connection is of no more use."""


def request(host, path, offset=0):
    """The bytes of a GET for `path` (already percent-encoded), from byte `offset` of the file on."""
    if not path.startswith("/") or not _is_visible(path) or not _is_visible(host):
        raise HttpError("a path starts with / and, as the host, has visible ASCII only; got %r on %r" % (path, host))
    lines = ["GET %s HTTP/1.1" % path, "Host: " + host]
    if offset:
        lines.append("Range: bytes=%d-" % offset)
    lines += ["Accept-Encoding: identity", "", ""]
    return "\r\n".join(lines).encode()


class Response:
    """One response. `sink(view)` gets the body from byte `offset` of the file on, at most `max_bytes` of it.

    A server that ignores the range sends the file from its start; what is known already is skipped.
    `length` of the body in bytes, 0 if the server does not say. After `done`: `status`, `keep_alive`, and `rest`, the
    bytes that came behind it.
    """

    def __init__(self, sink, max_bytes, offset=0):
        self.status = 0
        self.length = 0
        self.done = False
        self.keep_alive = True
        self.rest = b""
        self._sink = sink
        self._max_bytes = max_bytes
        self._offset = offset
        self._skip = 0
        self._taken = 0
        self._left = None  # of the body or chunk
        self._chunked = False
        self._line = bytearray()
        self._headers = 0
        self._interim = 0
        self._ranged_from = None
        self._step = self._status_line

    @property
    def is_success(self):
        """True for 200, and for 206 if a range was asked for."""
        return self.status == 200 or (self.status == 206 and self._offset > 0)

    def feed(self, data):
        """Takes the next bytes; HttpError if they cannot be. Do not call it again once `done`."""
        at = 0
        size = len(data)
        view = memoryview(data)
        while at < size and not self.done:
            if self._step == self._body:
                at += self._body(view[at:])
                continue
            end = data.find(b"\n", at)
            stop = size if end < 0 else end
            if len(self._line) + stop - at > MAX_LINE_BYTES:
                raise HttpError("a line of more than %d bytes in the response" % MAX_LINE_BYTES)
            self._line.extend(view[at:stop])
            at = stop + 1
            if end >= 0:
                line = bytes(self._line)
                self._line = bytearray()
                self._step(line[:-1] if line.endswith(b"\r") else line)
        self.rest = bytes(view[at:]) if at < size else b""

    def closed(self):
        """The server closed the connection: HttpError unless the response is whole."""
        if not self.done:
            raise HttpError("the server closed the connection after %d bytes of the body" % self._taken)

    def _status_line(self, line):
        parts = line.split(b" ", 2)
        code = parts[1] if len(parts) > 1 else b""
        if parts[0] not in (b"HTTP/1.1", b"HTTP/1.0") or len(code) != 3 or not code.isdigit():
            raise HttpError("no HTTP status line: %r" % line[:40])
        self.status = int(code)
        self.keep_alive = parts[0] == b"HTTP/1.1"
        self._step = self._header

    def _header(self, line):
        if not line:
            self._headers_end()
            return
        self._headers += 1
        name, colon, value = line.partition(b":")
        if self._headers > MAX_HEADERS or not colon or not name or name.strip() != name:
            raise HttpError("more than %d headers, or a broken one: %r" % (MAX_HEADERS, line[:40]))
        name = name.lower()
        value = value.strip()
        if name == b"content-length":
            self._content_length(value)
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked":
                raise HttpError("transfer coding %r is not known" % value[:20])
            self._chunked = True
        elif name == b"content-range":
            self._content_range(value)
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise HttpError("content coding %r was not asked for" % value[:20])
        elif name == b"connection" and b"close" in value.lower():
            self.keep_alive = False

    def _content_length(self, value):
        if not value.isdigit() or len(value) > _MAX_LENGTH_DIGITS:
            raise HttpError("no length: %r" % value[:20])
        if self._left is not None and self._left != int(value):
            raise HttpError("two lengths: %d and %d" % (self._left, int(value)))
        self._left = self.length = int(value)

    def _content_range(self, value):
        """`bytes FIRST-LAST/SIZE` (RFC 9110 14.4)."""
        unit, _, spans = value.partition(b" ")
        first = spans.partition(b"-")[0]
        if unit != b"bytes" or not first.isdigit() or len(first) > _MAX_LENGTH_DIGITS:
            if self.status == 206:
                raise HttpError("no range: %r" % value[:40])
            return
        self._ranged_from = int(first)

    def _headers_end(self):
        if 100 <= self.status < 200:  # RFC 9110 15.2: an interim response comes before the real one
            self._interim += 1
            if self._interim > MAX_INTERIM_RESPONSES or self.status == 101:
                raise HttpError("status %d was not asked for" % self.status)
            self._left = None
            self._step = self._status_line
            return
        if self._chunked and self._left is not None:
            raise HttpError("both a length and chunks; an intermediary may have been fooled")  # RFC 9112 6.3
        if self.status == 206 and self._ranged_from != self._offset:
            raise HttpError("asked from byte %d on, the server sends from %s" % (self._offset, self._ranged_from))
        if self.status == 200:
            self._skip = self._offset
        if self._chunked:
            self._step = self._chunk_size
        elif self.status in (204, 304) or self._left == 0:
            self.done = True
        elif self._left is None:
            raise HttpError("the server gives no length")
        else:
            self._step = self._body

    def _body(self, view):
        """Takes what `view` holds of the body or chunk; how much that was."""
        count = min(len(view), self._left)
        self._left -= count
        self._take(view[:count])
        if not self._left:
            if self._chunked:
                self._step = self._chunk_end
            else:
                self.done = True
        return count

    def _take(self, view):
        if not self.is_success:  # an error's page is of no interest, only its end is
            self._taken += len(view)
            if self._taken > MAX_ERROR_PAGE_BYTES:
                raise HttpError("status %d with more than %d bytes of a page" % (self.status, MAX_ERROR_PAGE_BYTES))
            return
        skipped = min(self._skip, len(view))
        self._skip -= skipped
        self._taken += len(view) - skipped
        if self._taken > self._max_bytes:
            raise HttpError("the server sends more than the %d bytes there can be" % self._max_bytes)
        if skipped < len(view):
            self._sink(view[skipped:])

    def _chunk_size(self, line):
        digits = line.partition(b";")[0].strip()
        if not 1 <= len(digits) <= _MAX_CHUNK_DIGITS or digits.strip(_HEX):
            raise HttpError("no chunk size: %r" % line[:20])
        self._left = int(digits, 16)
        self._step = self._body if self._left else self._trailer

    def _chunk_end(self, line):
        if line:
            raise HttpError("bytes behind a chunk: %r" % line[:20])
        self._step = self._chunk_size

    def _trailer(self, line):
        self._headers += 1
        if self._headers > MAX_HEADERS:
            raise HttpError("more than %d headers and trailers" % MAX_HEADERS)
        self.done = not line


def _is_visible(text):
    for character in text:
        if not "!" <= character <= "~":
            return False
    return bool(text)
