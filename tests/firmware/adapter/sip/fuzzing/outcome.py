"""What the parsers make of some bytes; runs under CPython and under MicroPython.

SipError is an outcome like others, its words aside; any other exception leaves. Characters beyond ASCII are left out,
for what MicroPython takes for UTF-8 is a little more than what CPython does.
"""

from binascii import crc32

from adapter.sip import digest, dns, message, sdp, uri
from adapter.sip.errors import SipError

KINDS = ("message", "sdp", "challenge", "uri", "dns")
ASKED = dns.query("example.com", dns.NAPTR, 0x1234)


class Tally:
    """What came of one mutant: a running CRC-32 of it, and with `in_words` the bytes themselves."""

    def __init__(self, in_words=False):
        self.crc = 0
        self.words = b""
        self._in_words = in_words

    def add(self, value):
        """A further piece: text, bytes, number, or tuples, lists and dicts of such."""
        if isinstance(value, dict):
            for key in sorted(value):
                self.add(key)
                self.add(value[key])
        elif isinstance(value, (list, tuple)):
            for piece in value:
                self.add(piece)
            self._take(b"|")
        else:
            self._take(_plain(value))

    def _take(self, data):
        self.crc = crc32(data, self.crc)
        self.crc = crc32(b",", self.crc)
        if self._in_words:
            self.words += data + b","


def outcome(kind, data, tally):
    """Adds to `tally` what comes of `data`, which is of one of KINDS; True if it is taken."""
    try:
        {"message": _message, "sdp": _description, "challenge": _challenge, "uri": _address, "dns": _records}[kind](
            data, tally.add
        )
    except SipError as error:
        tally.add(f"SipError {error.status} {error.message is not None}")
        if error.message:
            tally.add(message.response(error.message, error.status).pack())
        return False
    return True


def _plain(value):
    """As bytes without what is beyond ASCII, and without the question marks that may stand for it."""
    if not isinstance(value, bytes):
        text = str(value)
        value = text.encode()
        if len(text) == len(value):
            return value.replace(b"?", b"")
    kept = bytearray(value)
    length = 0
    for byte in value:
        if byte < 0x80 and byte != 0x3F:
            kept[length] = byte
            length += 1
    return bytes(memoryview(kept)[:length])


def _ascii(data):
    data = bytearray(data)
    for at in range(len(data)):
        data[at] &= 0x7F
    return bytes(data).decode()


def _message(data, add):
    try:
        add(message.framed(data))
    except SipError:
        add("no frame")
    found = message.parse(data)
    add([found.method, found.uri, found.status, found.reason, found.cseq, found.headers, len(found.body)])
    add(message.parse(found.pack()).headers[:3])
    if found.method:
        add(message.response(found, 200).headers)
    for name in ("via", "from", "to", "contact", "route", "www-authenticate", "proxy-authenticate"):
        for value in found.all(name):
            try:
                if name == "via":
                    add(uri.parse_via(value))
                elif name[-4:] == "cate":
                    add(digest.fields(value))
                else:
                    found_address = uri.name_addr(value)
                    add(found_address)
                    add(uri.parse_uri(found_address[1]))
            except SipError:
                add("no value")
    if found.get("content-type") == "application/sdp":
        _description(found.body, add)


def _description(data, add):
    found = sdp.parse(data)
    add([found.host, found.port, found.rtcp_port, found.codecs, found.ptime, found.direction, found.dtmf_pt])
    add([found.cn, found.crypto, found.profile, found.media, found.index])
    add(sdp.answer(found, "192.0.2.1", 4000, 1, 2, ["PCMU", "PCMA"], 20, "sendrecv", found.crypto))


def _challenge(data, add):
    text = _ascii(data)
    answer = digest.answer([text], "REGISTER", "sip:example.com", "user", "secret", 1, "cnonce")
    fields = digest.fields(answer)
    add(answer)
    add(fields)
    if digest.proof(fields, "REGISTER", "secret") != fields["response"]:
        raise AssertionError("the proof of an answer is another one")


def _address(data, add):
    text = _ascii(data)
    for read in (uri.parse_uri, uri.name_addr, uri.parse_via):
        try:
            add(read(text))
        except SipError:
            add("none")


def _records(data, add):
    records = dns.parse(data, ASKED)
    add([records, dns.services(records), dns.targets(records, _low)])


def _low(count):
    return b"\x55" * count
