"""DNS: questions as RFC 1035 has them, answers from anybody, and the order of RFC 2782 and 3263."""

from __future__ import annotations

import random
import struct
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.sip import dns
from adapter.sip.errors import SipError

ASKED = dns.query("example.com", dns.SRV, 7)
POINTER = b"\xc0\x0c"  # to the name of the question
LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)


def name(text: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".")) + b"\0"


def record(kind: int, data: bytes, owner: bytes = POINTER, group: int = 1) -> bytes:
    return owner + struct.pack(">HHIH", kind, group, 60, len(data)) + data


def answer(*records: bytes, asked: bytes = ASKED, flags: int = 0x8180, count: int | None = None) -> bytes:
    counts = struct.pack(">HHHHH", flags, 1, len(records) if count is None else count, 0, 0)
    return asked[:2] + counts + asked[12:] + b"".join(records)


def srv(priority: int, weight: int, port: int, target: str) -> bytes:
    return record(dns.SRV, struct.pack(">HHH", priority, weight, port) + (name(target) if target else b"\0"))


def naptr(order: int, preference: int, flags: str, service: str, target: str) -> bytes:
    texts = b"".join(bytes((len(text),)) + text.encode() for text in (flags, service, ""))
    return record(dns.NAPTR, struct.pack(">HH", order, preference) + texts + name(target))


def test_a_question_is_written_as_rfc_1035_has_it() -> None:
    assert dns.query("Example.com.", dns.A, 0x1234) == (
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07Example\x03com\x00\x00\x01\x00\x01"
    )
    for text in ("", ".", "a..b", "x" * 64, ".".join(["x" * 60] * 5)):
        with pytest.raises(SipError):
            dns.query(text, dns.A, 1)


def test_addresses_are_read_through_a_chain_of_names() -> None:
    data = answer(record(5, name("other.net")), record(dns.A, b"\xc0\0\2\1", name("Other.NET")), record(28, bytes(16)),
                  record(dns.A, b"\xc0\0\2\2"), record(dns.A, b"\1\2\3\4", group=3))  # fmt: skip
    assert dns.parse(data, ASKED) == [
        ("other.net", dns.A, 60, "192.0.2.1"), ("example.com", dns.A, 60, "192.0.2.2"),
    ]  # fmt: skip


def test_the_example_of_rfc_3263_leads_to_its_hosts() -> None:
    """RFC 3263 4.1: TLS first, then TCP, then UDP; then the SRV records of TCP."""
    asked = dns.query("example.com", dns.NAPTR, 9)
    data = answer(naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"),
                  naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
                  naptr(90, 50, "S", "sip+d2t", "_sip._tcp.example.com"),
                  naptr(80, 50, "u", "E2U+sip", "x.example.com"), asked=asked)  # fmt: skip
    assert dns.services(dns.parse(data, asked)) == [
        ("tls", "_sips._tcp.example.com"), ("tcp", "_sip._tcp.example.com"), ("udp", "_sip._udp.example.com"),
    ]  # fmt: skip
    records = dns.parse(answer(srv(1, 1, 5060, "server2.example.com"), srv(0, 1, 5060, "server1.example.com")), ASKED)
    found = dns.targets(records, random.Random(1).randbytes)
    assert found == [("server1.example.com", 5060), ("server2.example.com", 5060)]


def test_weights_share_the_calls_and_nobody_is_left_out() -> None:
    """RFC 2782: of one priority each comes first as often as its weight says, those without one hardly ever."""
    data = answer(
        srv(5, 60, 1, "most"), srv(5, 20, 2, "some"), srv(5, 20, 3, "also"), srv(5, 0, 4, "none"), srv(9, 99, 5, "late")
    )
    records = dns.parse(data, ASKED)
    chance = random.Random(3)
    orders = [dns.targets(records, chance.randbytes) for _ in range(2000)]
    assert all(sorted(order) == sorted(orders[0]) and order[-1] == ("late", 5) for order in orders)
    first = Counter(order[0][0] for order in orders)
    assert 1100 < first["most"] < 1300
    assert 320 < first["some"] < 480
    assert 320 < first["also"] < 480
    assert first["none"] < 60


def test_a_service_that_is_not_there_has_no_target() -> None:
    assert dns.targets(dns.parse(answer(srv(0, 0, 0, "")), ASKED), random.randbytes) == []
    assert dns.parse(answer(flags=0x8183), ASKED) == []


@pytest.mark.parametrize(
    "data",
    [
        b"", ASKED[:5], ASKED, answer(flags=0x0180), answer(flags=0x8380), answer(flags=0x8182), answer(flags=0x8185),
        answer(asked=dns.query("example.com", dns.SRV, 8)), answer(asked=dns.query("example.org", dns.SRV, 7)),
        answer(asked=dns.query("example.com", dns.A, 7)), answer(count=1), answer(count=65),
        answer(srv(0, 0, 1, "x"))[:-1], answer(record(dns.A, b"1234", b"\xc0\x1d")),
        answer(record(dns.A, b"1234", b"\x80\0")),
        answer(record(dns.A, b"1234", b"\x01\x20\0")), answer(b"\x3fabc"), answer(record(dns.SRV, b"\0" * 7, b"\xc0")),
        answer(record(dns.NAPTR, b"\0\0\0\0\x09s\x00\x00\x00")),
        answer(record(dns.A, b"1234", (b"\x3f" + b"x" * 63) * 5 + b"\0")),
        answer(*[record(dns.A, b"1234")] * 64 + [b"x" * 400]),
    ],
)  # fmt: skip
def test_what_is_no_whole_answer_to_our_question_is_refused(data: bytes) -> None:
    with pytest.raises(SipError):
        dns.parse(data, ASKED)


@given(
    labels=st.lists(LABEL, min_size=1, max_size=6), kind=st.sampled_from([dns.A, dns.SRV, dns.NAPTR]),
    records=st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535), LABEL), max_size=8),
)  # fmt: skip
def test_records_are_read_as_they_were_written(
    labels: list[str], kind: int, records: list[tuple[int, int, int, str]]
) -> None:
    asked = dns.query(".".join(labels), kind, 99)
    found = dns.parse(answer(*[srv(*row) for row in records], asked=asked), asked)
    assert [value for _, _, _, value in found] == records
    assert {owner for owner, *_ in found} <= {".".join(labels)}
    assert sorted(dns.targets(found, random.Random(1).randbytes)) == sorted((row[3], row[2]) for row in records)


@given(st.binary(max_size=120))
def test_any_bytes_give_records_or_our_error(data: bytes) -> None:
    for whole in (data, answer(data)):
        try:
            dns.parse(whole, ASKED)
        except SipError:
            continue
