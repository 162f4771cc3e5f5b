"""One SIP message: read from a datagram, built, and written (RFC 3261 7, 8.2.6.2, 18.3 and 25).

What the RFC calls valid is read: folded lines, odd white space, compact names, any scheme, lists of values, lines
that end in LF alone. A request that cannot be used raises SipError with the status of the answer and, if there is
enough of it to be answered, the request.
"""

from adapter.sip.errors import SipError
from adapter.sip.uri import MAX_VALUES, decoded, name_addr, number, parse_via, split

MAX_MESSAGE_BYTES = 4096  # RFC 4475's long request has 3515; one that long takes 35 KB of heap for a moment
_MAX_LINES = 128
_MAX_CSEQ = 0x7FFFFFFF  # RFC 3261 8.1.1.5
_PIECE_BYTES = 128
_SPELT = {"id": "ID", "cseq": "CSeq", "www": "WWW"}  # parts of names that are more than capitalised

_COMPACT = (
    " a:accept-contact b:referred-by c:content-type d:request-disposition e:content-encoding f:from i:call-id"
    " j:reject-contact k:supported l:content-length m:contact o:event r:refer-to s:subject t:to u:allow-events v:via"
    " x:session-expires "
)
# Fields whose values may stand in one line with commas between them (RFC 3261 7.3.1 and table 2, and extensions).
_LISTS = (
    " accept accept-encoding accept-language alert-info allow allow-events call-info contact content-encoding"
    " content-language diversion error-info history-info in-reply-to p-asserted-identity path proxy-require reason"
    " record-route require route service-route supported unsupported via warning "
)
_REASONS = (
    "100 Trying|180 Ringing|181 Call Is Being Forwarded|183 Session Progress|200 OK|202 Accepted|400 Bad Request|"
    "403 Forbidden|404 Not Found|405 Method Not Allowed|406 Not Acceptable|408 Request Timeout|413 Request Entity Too "
    "Large|415 Unsupported Media Type|416 Unsupported URI Scheme|420 Bad Extension|422 Session Interval Too Small|"
    "480 Temporarily Unavailable|481 Call/Transaction Does Not Exist|482 Loop Detected|486 Busy Here|"
    "487 Request Terminated|488 Not Acceptable Here|489 Bad Event|491 Request Pending|500 Server Internal Error|"
    "501 Not Implemented|503 Service Unavailable|505 Version Not Supported|513 Message Too Large|600 Busy Everywhere|"
    "603 Decline|"
)


class Message:
    """A request (`method`, `uri`) or a response (`status`, `reason`; its `method` is "").

    `headers`: [(name, value)], names lower case and long; `cseq`: (number, method); `body`: bytes.
    """

    def __init__(self, method, uri, status, reason):
        self.method = method
        self.uri = uri
        self.status = status
        self.reason = reason
        self.headers = []
        self.cseq = (0, "")
        self.body = b""

    def get(self, name):
        """The first value of the field `name` (lower case, long form), None if there is none; SipError."""
        found = self.all(name)
        return found[0] if found else None

    def all(self, name):
        """All values of the field `name`, each of a list of its own (SipError if the list has no end)."""
        out = []
        listed = " " + name + " " in _LISTS
        for key, value in self.headers:
            if key == name:
                if listed:
                    out.extend(piece for piece in split(value, ",") if piece)
                else:
                    out.append(value)
        return out

    def pack(self, buffer=None):
        """The message as bytes, with its Content-Length; SipError when a line would break.

        Joined once at its end: to grow it line by line takes several blocks of its length, of which a heap has few.
        With a `buffer` it stands there, and a view of that is returned; ValueError if it is too short.
        """
        if buffer is None:
            return b"\r\n".join(list(self._lines()))
        view, at = memoryview(buffer), 0
        for line in self._lines():
            for piece in (b"\r\n" if at else b"", line):
                view[at : at + len(piece)] = piece
                at += len(piece)
        return view[:at]

    def _lines(self):
        """Each line as bytes, the empty one and the body behind them."""
        response = "SIP/2.0 %d %s" % (self.status, self.reason)
        yield _encoded("%s %s SIP/2.0" % (self.method, self.uri) if self.method else response)
        for name, value in self.headers:
            if name != "content-length":
                words = [_SPELT.get(word) or word[:1].upper() + word[1:] for word in name.split("-")]
                yield _encoded("-".join(words) + ": " + value)
        yield _encoded("Content-Length: %d" % len(self.body))
        yield b""
        yield bytes(self.body)


def request(method, uri):
    """A new request without headers."""
    return Message(method, uri, 0, "")


def response(to_request, status, reason=None):
    """The response to a request, with what it copies of it (RFC 3261 8.2.6.2); the To tag is the dialog's to add."""
    if reason is None:
        at = _REASONS.find("%d " % status)
        reason = _REASONS[at + 4 : _REASONS.find("|", at)] if at >= 0 else ""
    made = Message("", "", status, reason)
    made.cseq = to_request.cseq
    once = ["from", "to", "call-id", "cseq"]  # of one that cannot be used there may be many
    for header in to_request.headers:
        if header[0] in once:
            once.remove(header[0])
            made.headers.append(header)
        elif header[0] == "via":
            made.headers.append(header)
    return made


def parse(data):
    """The Message in one datagram (bytes, or a view that is read where it lies, without one large copy); SipError."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise SipError("a message of %d bytes, at most %d" % (len(data), MAX_MESSAGE_BYTES))
    message = _head(data)
    if message is None:
        raise SipError("no empty line after the headers in %d bytes" % len(data))
    start, message.body = message.body, b""
    try:
        _check(message)
        _cut(message, data, start)
    except SipError as error:
        if not message.method or message.method == "ACK":
            raise
        parse_via(message.get("via") or "")  # raises, for nobody knows where an answer would go
        raise SipError(str(error), error.status or 400, message)
    return message


def framed(buffer):
    """How many bytes the first message in a stream's `buffer` has, 0 until it is whole (RFC 3261 18.3); SipError.

    Empty lines before it (pings, RFC 5626 4.4.1) count as part of it; without anything after them they give 0.
    """
    message = _head(bytes(buffer[:MAX_MESSAGE_BYTES]))
    length = 0
    if message:
        length = message.body + number(message.get("content-length") or "0", MAX_MESSAGE_BYTES)
    if length > MAX_MESSAGE_BYTES or (not message and len(buffer) >= MAX_MESSAGE_BYTES):
        raise SipError("a message of more than %d bytes in a stream" % MAX_MESSAGE_BYTES)
    return length if length <= len(buffer) else 0


def _head(data):
    """A Message of all before the body, whose `body` is where that starts; None without an empty line; SipError."""
    at = 0
    while at < len(data) and data[at] in b"\r\n":  # RFC 3261 7.5
        at += 1
    message = None
    for _ in range(_MAX_LINES):
        end = _line_end(data, at)
        if end < 0:
            return None
        line = decoded(bytes(data[at : end - 1 if end and data[end - 1] == 13 else end]))
        at = end + 1
        if message is None:
            message = _start(line.strip(" \t"))
        elif line:
            _read_header(message.headers, line)
        else:
            message.body = at
            return message
    raise SipError("more than %d lines of headers" % _MAX_LINES)


def _line_end(data, at):
    """Where the next LF is from `at` on, -1 if there is none."""
    if isinstance(data, bytes):
        return data.find(b"\n", at)
    for start in range(at, len(data), _PIECE_BYTES):
        found = bytes(data[start : start + _PIECE_BYTES]).find(b"\n")
        if found >= 0:
            return start + found
    return -1


def _encoded(line):
    if "\n" in line or "\r" in line:
        raise SipError("a line break inside a line to send: %r" % line[:80])
    return line.encode()


def _start(line):
    """A Message of the start line alone (RFC 3261 7.1, 7.2); the version is judged later."""
    first, _, rest = line.partition(" ")
    if first[:4].upper() == "SIP/":
        code, _, reason = rest.partition(" ")
        status = number(code, 699)
        if status < 100 or len(code) != 3 or first.upper() != "SIP/2.0":
            raise SipError("no status line: %r" % line[:80])
        return Message("", "", status, reason)
    at = rest.rfind(" ")
    uri = rest[: max(at, 0)].strip(" ")
    version = rest[at + 1 :]
    for c in first:
        if not ("A" <= c <= "Z" or "a" <= c <= "z" or "0" <= c <= "9" or c in "-.!%*_+`'~"):
            raise SipError("no start line: %r" % line[:80])
    if not first or not uri or version[:4].upper() != "SIP/":
        raise SipError("no start line: %r" % line[:80])
    return Message(first, uri, 0, version.upper())


def _read_header(headers, line):
    """Appends the field in `line`, its name long and in lower case, or goes on with the last one (RFC 3261 7.3)."""
    if "\r" in line:
        raise SipError("a carriage return inside %r" % line[:80])
    if line[0] in " \t" and headers:
        name, value = headers[-1]
        headers[-1] = (name, (value + " " + line.strip(" \t")).strip(" "))
        return
    name, colon, value = line.partition(":")
    name = name.strip(" \t").lower()
    if not colon or not name:
        raise SipError("no header: %r" % line[:80])
    if len(name) == 1:
        found = _COMPACT.find(" " + name + ":")
        if found >= 0:
            name = _COMPACT[found + 3 : _COMPACT.find(" ", found + 3)]
    headers.append((name, value.strip(" \t")))


def _check(message):
    """Refuses what no answer or dialog can be built on, and sets cseq (RFC 3261 8.1.1)."""
    if message.method:
        version, message.reason = message.reason, ""
        if version != "SIP/2.0":
            raise SipError("version %r, known is SIP/2.0" % version[:20], 505)
    for name in ("call-id", "cseq", "from", "to"):
        found = message.all(name)
        if len(found) != 1 or not found[0]:
            raise SipError("%d fields %s, one is needed" % (len(found), name))
        if name in ("from", "to"):
            name_addr(found[0])
            if len(split(found[0], ",")) > 1:
                raise SipError("several values of %s: %r" % (name, found[0][:80]))
    vias = message.all("via")
    if not 0 < len(vias) <= MAX_VALUES:
        raise SipError("%d Via values, from 1 to %d are allowed" % (len(vias), MAX_VALUES))
    for value in vias:
        parse_via(value)
    count, _, method = message.get("cseq").replace("\t", " ").partition(" ")
    message.cseq = (number(count, _MAX_CSEQ), method.strip(" "))
    if message.method:
        if message.method != message.cseq[1]:
            raise SipError("CSeq %s of a request %s" % (message.cseq[1][:40], message.method[:40]))
        if message.uri[0] in '<"' or ":" not in message.uri or " " in message.uri:
            raise SipError("no request URI: %r" % message.uri[:80])


def _cut(message, data, start):
    """Takes as the body what Content-Length says of `data` from `start` on (RFC 3261 18.3), or all."""
    lengths = message.all("content-length")
    length = there = len(data) - start
    if lengths:
        length = number(lengths[0], MAX_MESSAGE_BYTES)
        if len(lengths) > 1 or length > there:
            raise SipError("Content-Length %s, the body has %d bytes" % (lengths, there))
    message.body = bytes(data[start : start + length])
