"""SIP's smaller grammar: lists, parameters, name-addr, URIs and Via (RFC 3261 19.1, 20 and 25)."""

from adapter.sip.errors import SipError

MAX_VALUES = 64  # of one list, or parameters of one value
_MAX_HOST_BYTES = 255
_MAX_DIGITS = 10


def decoded(data):
    """UTF-8 as text; where it is none, every byte beyond ASCII becomes a question mark."""
    try:
        return data.decode()
    except UnicodeError:
        data = bytearray(data)
        for at in range(len(data)):
            if data[at] > 0x7F:
                data[at] = 0x3F
        return bytes(data).decode()


def number(text, most):
    """`text`, decimal digits with leading zeros or none, as an int up to `most`; SipError."""
    text = text.strip(" \t")
    digits = text.lstrip("0")
    for c in digits:
        if not "0" <= c <= "9":
            raise SipError("no number: %r" % text[:40])
    if not text or len(digits) > _MAX_DIGITS or int(text) > most:
        raise SipError("a number up to %d, got %r" % (most, text[:40]))
    return int(digits or "0")


def split(text, mark):
    """The stripped pieces of `text` between `mark`s that stand outside quotes and angle brackets; SipError."""
    out = []
    if '"' not in text and "<" not in text:
        out = text.split(mark, MAX_VALUES)
    else:
        start = at = 0
        closing = ""  # what ends the quote or the bracket that is open
        escaped = False
        for c in text:
            if escaped:
                escaped = False
            elif closing:
                if c == closing:
                    closing = ""
                escaped = c == "\\" and closing == '"'
            elif c == '"':
                closing = c
            elif c == "<":
                closing = ">"
            elif c == mark and len(out) <= MAX_VALUES:
                out.append(text[start:at])
                start = at + 1
            at += 1
        if closing:
            raise SipError("%s is missing in %r" % (closing, text[:80]))
        out.append(text[start:])
    if len(out) > MAX_VALUES:
        raise SipError("more than %d values in a list" % MAX_VALUES)
    return [piece.strip(" \t") for piece in out]


def unquote(text):
    """A quoted-string without its quotes and escapes (RFC 3261 25.1); any other text as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    if "\\" not in text:
        return text
    data = bytearray(text.encode())
    length = 0
    escaped = False
    for byte in data:
        escaped = byte == 0x5C and not escaped
        if not escaped:
            data[length] = byte
            length += 1
    return bytes(data[:length]).decode()


def parameters(pieces):
    """`name=value` pieces as a dict of lower-case names; a name alone has the value ""; the first of a name counts."""
    out = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        name = name.strip(" \t").lower()
        if name and name not in out:
            out[name] = unquote(value.strip(" \t"))
    return out


def parameter(value, name):
    """The parameter `name` of a header's value, as in `...;name=value`; "" when it has no value, None when absent."""
    return parameters(split(value, ";")[1:]).get(name)


def name_addr(text):
    """(display name, URI as text, header parameters) of a From, To, Contact, Route ... value; SipError."""
    pieces = split(text, ";")
    head = pieces[0]
    display = ""
    if head[-1:] == ">":
        at = head.rfind("<")
        display = unquote(head[:at].strip(" \t"))
        head = head[at + 1 : -1].strip(" \t")
    if (":" not in head and head != "*") or " " in head or "<" in head or '"' in head:
        raise SipError("no address: %r" % text[:80])
    return display, head, parameters(pieces[1:])


def parse_uri(text):
    """(scheme, user, host, port, parameters); SipError. The user is unescaped, the port 0 when none is given.

    Of schemes other than sip and sips all before the first ";" is the user, as in tel:+15551234567, and host is "".
    """
    scheme, _, rest = text.partition(":")
    scheme = scheme.lower()
    if not scheme or not rest or " " in text:
        raise SipError("no URI: %r" % text[:80])
    if scheme not in ("sip", "sips"):
        pieces = rest.split(";", MAX_VALUES)
        return scheme, pieces[0], "", 0, parameters(pieces[1:])
    user, at, where = rest.partition("@")
    if not at:
        user, where = "", rest
    elif not user:
        raise SipError("a URI with an empty user: %r" % text[:80])
    pieces = split(where.partition("?")[0], ";")
    host, port = _host_port(pieces[0])
    return scheme, _unescape(user.partition(":")[0]), host, port, parameters(pieces[1:])


def parse_via(value):
    """(transport in upper case, host, port or 0, parameters) of one Via value (RFC 3261 20.42); SipError."""
    pieces = split(value, ";")
    parts = pieces[0].split("/", 2)
    if len(parts) != 3 or parts[0].strip(" \t").upper() != "SIP":
        raise SipError("Via is not of SIP: %r" % value[:80])
    transport, _, where = parts[2].replace("\t", " ").strip(" ").partition(" ")
    host, port = _host_port(where.replace(" ", ""))
    return transport.upper(), host, port, parameters(pieces[1:])


def is_address(host):
    """True for an IPv4 address: four numbers up to 255; anything else is a name to be looked up, or nothing."""
    for part in host.split("."):
        if not part.isdigit() or len(part) > 3 or int(part) > 255:
            return False
    return host.count(".") == 3


def _host_port(text):
    """(host, port or 0) of `host`, `host:port` or `[IPv6]:port`; SipError."""
    at = text.find(":", max(0, text.find("]")))
    host = text if at < 0 else text[:at]
    name = host
    also = "-._"
    if host[:1] == "[" and host[-1:] == "]":
        name = host[1:-1]
        also = ":."
    for c in name:
        if not ("a" <= c <= "z" or "0" <= c <= "9" or "A" <= c <= "Z" or c in also):
            raise SipError("no host: %r" % text[:80])
    if not 0 < len(name) <= _MAX_HOST_BYTES:
        raise SipError("a host has 1 to %d letters: %r" % (_MAX_HOST_BYTES, text[:80]))
    port = 0
    if at >= 0:
        port = number(text[at + 1 :], 65535)
    return host, port


def _unescape(text):
    """`text` with %xx resolved where it is ASCII (RFC 3261 19.1.2); the rest stays escaped."""
    pieces = text.split("%", MAX_VALUES)
    out = [pieces[0]]
    for piece in pieces[1:]:
        try:
            if piece[0] not in "01234567":
                raise ValueError
            c = chr(int(piece[0]) * 16 + "0123456789abcdef".index(piece[1].lower()))
            out.append(c + piece[2:])
        except (ValueError, IndexError):
            out.append("%" + piece)
    return "".join(out)
