"""Session descriptions of one audio call: offer, answer and what the peer said (RFC 4566, 3264, 4568, 4733)."""

from binascii import a2b_base64, b2a_base64

from adapter.sip.errors import SipError
from adapter.sip.uri import decoded, number

MAX_SDP_BYTES = 4096
_MAX_LINES = 128
_MAX_MEDIA = 8
_MAX_FORMATS = 32
_DTMF_PT = 101
_CN_PT = 13
_KEY_BASE64 = 40  # 30 bytes: key of 16, salt of 14 (RFC 4568 6.2)
_SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Description:
    """What the peer said of the audio stream that we take, its first one that we can.

    `host`, `port`, `rtcp_port`: where it is to be sent (port 0: nowhere; host "": not by IPv4); `codecs`: [(payload
    type, "PCMU" or "PCMA", 8000)] in the peer's order; `ptime` in ms (0: not said); `direction` as the peer wrote it;
    `dtmf_pt` and `cn` are payload types or None; `crypto`: [(tag, suite, key and salt)]; `profile`: RTP/AVP or
    RTP/SAVP; `media`: the values of all m= lines, of which ours is number `index` (-1: none).
    """

    def __init__(self):
        self.host = ""
        self.port = self.rtcp_port = self.ptime = 0
        self.codecs = []
        self.direction = "sendrecv"
        self.dtmf_pt = self.cn = None
        self.crypto = []
        self.profile = ""
        self.media = []
        self.index = -1


def agreed(ours, theirs):
    """The direction of an answer, and what may flow: ours as far as the peer's allows (RFC 3264 6.1)."""
    send = "send" in ours and "recv" in theirs
    receive = "recv" in ours and "send" in theirs
    return ("inactive", "recvonly", "sendonly", "sendrecv")[2 * send + receive]


def choose(description, codecs):
    """The first (payload type, name, rate) of the peer's that is in `codecs`; SipError with 488."""
    for codec in description.codecs:
        if codec[1] in codecs:
            return codec
    raise SipError("no codec in common", 488)


def offer(address, rtp_port, session_id, version, codecs, ptime, direction, crypto=(), profile="RTP/AVP"):
    """Our offer as bytes. `address`: IPv4 text, `codecs`: names in order, `ptime` in ms, `crypto` as in Description."""
    formats = []
    for name in codecs:
        formats.append((0 if name == "PCMU" else 8, name))
    head = _head(address, session_id, version)
    return (head + _audio(rtp_port, profile, formats, _DTMF_PT, _CN_PT, ptime, direction, crypto)).encode()


def answer(offered, address, rtp_port, session_id, version, codecs, ptime, direction, crypto=()):
    """Our answer to the Description of an offer, one line m= for each of its (RFC 3264 6); SipError with 488."""
    chosen = choose(offered, codecs)
    if not offered.host:
        raise SipError("no IPv4 address is offered", 488)
    out = [_head(address, session_id, version)]
    for at in range(len(offered.media)):
        if at == offered.index:
            direction = agreed(direction, offered.direction)
            formats = [chosen[:2]]
            out.append(
                _audio(rtp_port, offered.profile, formats, offered.dtmf_pt, offered.cn, ptime, direction, crypto)
            )
        else:
            kind, _, profile, formats = offered.media[at]
            out.append("m=%s 0 %s %s\r\n" % (kind, profile, " ".join(formats)))
    return "".join(out).encode()


def _head(address, session_id, version):
    return "v=0\r\no=- %d %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n" % (session_id, version, address, address)


def _audio(port, profile, formats, dtmf_pt, cn, ptime, direction, crypto):
    """The m=audio section."""
    formats = list(formats)
    if cn is not None:
        formats.append((cn, "CN"))
    if dtmf_pt is not None:
        formats.append((dtmf_pt, "telephone-event"))
    out = ["m=audio %d %s %s" % (port, profile, " ".join([str(pt) for pt, _ in formats]))]
    for pt, name in formats:
        out.append("a=rtpmap:%d %s/8000" % (pt, name))
    if dtmf_pt is not None:
        out.append("a=fmtp:%d 0-16" % dtmf_pt)
    for tag, suite, key in crypto:
        out.append("a=crypto:%d %s inline:%s" % (tag, suite, b2a_base64(key).decode().strip()))
    out.append("a=ptime:%d\r\na=%s\r\n" % (ptime, direction))
    return "\r\n".join(out)


def parse(body, secured=True):
    """The Description in a body of type application/sdp; SipError with 400 or 488.

    Without `secured` an RTP/SAVP stream is not taken.
    """
    if len(body) > MAX_SDP_BYTES:
        raise SipError("SDP of %d bytes, at most %d" % (len(body), MAX_SDP_BYTES), 413)
    lines = decoded(bytes(body)).split("\n", _MAX_LINES)
    if len(lines) > _MAX_LINES:
        raise SipError("SDP of more than %d lines" % _MAX_LINES, 400)
    found = Description()
    maps = {0: "PCMU/8000", 8: "PCMA/8000", 13: "CN/8000"}
    try:
        for line in lines:
            _line(found, line.strip(" \t\r"), secured, maps)
        _name_formats(found, maps)
    except SipError as error:
        raise SipError(str(error), 400)
    if not found.media:
        raise SipError("SDP without media", 488)
    return found


def _line(found, line, secured, maps):
    """One line of a description; those of other media and of no meaning to us pass by."""
    kind = line[:2]
    value = line[2:].strip(" ")
    ours = found.index == len(found.media) - 1  # also before the first m= line
    if kind == "m=":
        _media(found, value, secured)
    elif kind == "c=" and ours:
        parts = value.split(" ")
        if len(parts) != 3 or not parts[2]:
            raise SipError("no connection: %r" % line[:80])
        found.host = parts[2].partition("/")[0] if parts[:2] == ["IN", "IP4"] else ""
    elif kind == "a=" and ours:
        _attribute(found, value, maps)


def _media(found, value, secured):
    parts = [part for part in value.split(" ") if part]
    if len(parts) < 4 or len(parts) > 3 + _MAX_FORMATS or len(found.media) == _MAX_MEDIA:
        raise SipError("no media line, or more than %d: %r" % (_MAX_MEDIA, value[:80]))
    port = number(parts[1].partition("/")[0], 65535)
    profile = parts[2].upper()
    known = profile == "RTP/AVP" or (profile == "RTP/SAVP" and secured)
    if found.index < 0 and parts[0] == "audio" and known and port:
        found.index = len(found.media)
        found.port = port
        found.rtcp_port = port + 1
        found.profile = profile
    found.media.append((parts[0], port, parts[2], parts[3:]))


def _attribute(found, value, maps):
    name, _, value = value.partition(":")
    if name == "rtpmap":
        pt, _, coding = value.partition(" ")
        if len(maps) < 3 + _MAX_FORMATS:
            maps[number(pt, 127)] = coding.strip(" ")
    elif name in ("sendrecv", "sendonly", "recvonly", "inactive"):
        found.direction = name
    elif name == "ptime":
        found.ptime = number(value.partition(".")[0], 65535)
    elif name == "rtcp":
        found.rtcp_port = number(value.partition(" ")[0], 65535)
    elif name == "crypto":
        parts = value.split(" ")
        if len(parts) == 3 and parts[1] in _SUITES and parts[2][:7] == "inline:" and len(found.crypto) < _MAX_MEDIA:
            key, _, more = parts[2][7:].partition("|")
            for c in key:
                if c not in _BASE64:
                    return
            if len(key) == _KEY_BASE64 and ":" not in more and ";" not in more:  # neither MKI nor a second key
                found.crypto.append((number(parts[0], 999999999), parts[1], a2b_base64(key)))


def _name_formats(found, maps):
    """Fills codecs, dtmf_pt and cn from the formats of our line and the map of payload types."""
    if found.index < 0:
        return
    for text in found.media[found.index][3]:
        pt = number(text, 127)
        name = maps.get(pt, "").upper()
        if name[-2:] == "/1":
            name = name[:-2]
        if (pt, name) in ((0, "PCMU/8000"), (8, "PCMA/8000")):  # RFC 3551 6; by another number we could not send it
            found.codecs.append((pt, name[:4], 8000))
        elif name == "TELEPHONE-EVENT/8000" and found.dtmf_pt is None:
            found.dtmf_pt = pt
        elif name == "CN/8000" and found.cn is None:
            found.cn = pt
    if found.host == "0.0.0.0":  # noqa: S104 - hold as RFC 2543 had it (RFC 3264 8.4)
        found.direction = agreed(found.direction, "recvonly")
