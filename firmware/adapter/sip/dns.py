"""Where a SIP domain is served: DNS questions and answers, and their order (RFC 1035, 2782, 3263, 3403).

NAPTR names the transports and their SRV names, SRV the hosts and ports, A their addresses.
"""

import struct

from adapter.sip.errors import SipError

A = 1
SRV = 33
NAPTR = 35
MAX_ANSWER_BYTES = 1232  # what servers send by UDP without asking; we announce no EDNS, so mostly 512
_MAX_RECORDS = 64
_MAX_NAME_BYTES = 255
_MAX_LABELS = 128
_HEADER_BYTES = 12
_IN = 1


def query(name, kind, id):
    """The datagram that asks for the records of type `kind` of `name`; SipError for what is no name."""
    out = struct.pack(">HHHHHH", id, 0x0100, 1, 0, 0, 0)
    for part in name.rstrip(".").split("."):
        label = part.encode()
        if not 0 < len(label) < 64:
            raise SipError("no domain name: %r" % name[:80])
        out += bytes((len(label),)) + label
    if len(out) > _HEADER_BYTES + _MAX_NAME_BYTES - 1:
        raise SipError("a domain name has up to %d bytes: %r" % (_MAX_NAME_BYTES, name[:80]))
    return out + struct.pack(">BHH", 0, kind, _IN)


def parse(data, asked):
    """[(name, type, ttl_s, value)] of the answer to the query `asked`; SipError if it is another's, or not whole.

    Names are lower case without the last dot. Values: A an address as text, SRV (priority, weight, port, target),
    NAPTR (order, preference, flags, service, regexp, replacement); other types are left out. No such name: [].
    """
    if not len(asked) <= len(data) <= MAX_ANSWER_BYTES:
        raise SipError("a DNS answer of %d bytes" % len(data))
    data = bytes(data)
    flags, questions, answers = struct.unpack_from(">HHH", data, 2)
    same = data[:2] == asked[:2] and data[_HEADER_BYTES : len(asked)].lower() == asked[_HEADER_BYTES:].lower()
    if not same or questions != 1 or not flags & 0x8000:
        raise SipError("a DNS answer to another question")
    if flags & 0x0200 or flags & 15 not in (0, 3):
        raise SipError("a DNS answer cut short or refused, flags 0x%04x" % flags)
    if answers > _MAX_RECORDS:
        raise SipError("a DNS answer of %d records, at most %d" % (answers, _MAX_RECORDS))
    out = []
    at = len(asked)
    try:
        for _ in range(answers):
            name, at = _name(data, at)
            if at + 10 > len(data):
                raise ValueError
            kind, group, ttl_s, length = struct.unpack_from(">HHIH", data, at)
            at += 10
            if at + length > len(data):
                raise ValueError
            value = _value(data, at, length, kind)
            if group == _IN and value is not None:
                out.append((name, kind, ttl_s, value))
            at += length
    except (ValueError, IndexError):
        raise SipError("a DNS answer that breaks off or turns in circles, %d bytes" % len(data))
    return out


def services(records):
    """[(transport, name to ask SRV for)] of NAPTR records, in their order (RFC 3263 4.1)."""
    out = []
    found = [record[3] for record in records if record[1] == NAPTR]
    for _, _, flags, service, _, name in sorted(found):
        transport = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}.get(service.upper())
        if transport and flags.upper() == "S" and name:
            out.append((transport, name))
    return out


def targets(records, random):
    """[(host, port)] of SRV records by priority, within one by chance as the weights have it (RFC 2782)."""
    found = sorted([record[3] for record in records if record[1] == SRV and record[3][3]])
    out = []
    while found:
        same = [record for record in found if record[0] == found[0][0]]
        total = 0
        for record in same:
            total += record[1]
        mark = int.from_bytes(random(4), "big") % (total + 1)
        for record in same:  # those of weight 0 come first
            mark -= record[1]
            if mark <= 0:
                break
        found.remove(record)
        out.append((record[3], record[2]))
    return out


def _name(data, at):
    """(name, where it ends); ValueError or IndexError. A pointer leads back, at most _MAX_LABELS times."""
    labels = []
    end = 0
    for _ in range(_MAX_LABELS):
        length = data[at]
        if not length:
            name = b".".join(labels).lower()
            if len(name) > _MAX_NAME_BYTES:
                raise ValueError
            return _text(name), end or at + 1
        if length < 64:
            if at + length >= len(data):
                raise ValueError
            labels.append(data[at + 1 : at + 1 + length])
            at += 1 + length
        else:
            where = (length & 63) << 8 | data[at + 1]
            if length < 192 or where >= at:
                raise ValueError
            end = end or at + 2
            at = where
    raise ValueError


def _value(data, at, length, kind):
    if kind == A and length == 4:
        return "%d.%d.%d.%d" % (data[at], data[at + 1], data[at + 2], data[at + 3])
    if kind == SRV and length > 6:
        return struct.unpack_from(">HHH", data, at) + (_name(data, at + 6)[0],)
    if kind == NAPTR and length > 7:
        texts = [data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]]
        at += 4
        for _ in range(3):
            end = at + 1 + data[at]
            if end >= len(data):
                raise ValueError
            texts.append(_text(data[at + 1 : end]))
            at = end
        texts.append(_name(data, at)[0])
        return tuple(texts)
    return None


def _text(data):
    for byte in data:
        if not 0x20 < byte < 0x7F:
            raise ValueError
    return data.decode()
