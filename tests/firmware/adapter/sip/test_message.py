"""A message: read whatever the RFC allows, refused with the right status otherwise, written so that it reads back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.sip import message
from adapter.sip.errors import SipError
from adapter.sip.message import Message, parse, request, response

HEAD = (
    "OPTIONS sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:b@h>;tag=1\r\n"
    "To: sip:alice@192.0.2.1\r\nCall-ID: c1\r\nCSeq: 5 OPTIONS\r\n"
)


def options(*lines: str, replaced: tuple[str, str] = ("", ""), body: str = "") -> bytes:
    head = HEAD.replace(*replaced) if replaced[0] else HEAD
    return (head + "".join(line + "\r\n" for line in lines) + "\r\n" + body).encode()


def refused(data: bytes) -> SipError:
    with pytest.raises(SipError) as caught:
        parse(data)
    return caught.value


def test_lists_come_apart_and_other_values_stay_whole() -> None:
    found = parse(
        options(
            "v: SIP/2.0/TCP i, SIP/2.0/UDP j",
            'm: <sip:a,b@h>, "x, y" <sip:c@h>;q=1,,',
            "Date: Sat, 13 Nov 2010 23:29:00 GMT",
            "s: one, two",
        )
    )
    assert found.all("via") == ["SIP/2.0/UDP h;branch=z9hG4bKx", "SIP/2.0/TCP i", "SIP/2.0/UDP j"]
    assert found.all("contact") == ["<sip:a,b@h>", '"x, y" <sip:c@h>;q=1']
    assert found.get("date") == "Sat, 13 Nov 2010 23:29:00 GMT"
    assert found.get("subject") == "one, two"
    assert (found.get("route"), found.all("route")) == (None, [])


def test_the_body_is_as_long_as_it_says() -> None:
    assert parse(options("l: 3", body="abcdef")).body == b"abc"
    assert parse(options(body="abcdef")).body == b"abcdef"
    assert refused(options("Content-Length: 7", body="abcdef")).status == 400
    assert refused(options("Content-Length: -1")).status == 400
    assert refused(options("Content-Length: 1", "Content-Length: 2", body="abcdef")).status == 400
    found = parse(memoryview(options("Content-Type: x", body="\0\r\n\r\nb")))
    assert found.body == b"\0\r\n\r\nb"


def test_lines_may_end_in_lf_alone_and_empty_ones_may_come_first() -> None:
    assert parse(b"\r\n\r\n" + options()).cseq == (5, "OPTIONS")
    assert parse(options(body="x").replace(b"\r\n", b"\n")).body == b"x"
    assert refused(b"\r\n\r\n").status == 0
    assert refused(options()[:-2]).status == 0


def test_a_header_that_is_not_utf_8_does_not_cost_the_call() -> None:
    found = parse(options("Subject: " + "fünf").replace("ü".encode(), b"\xfc"))
    assert found.get("subject") == "f?nf"
    assert parse(options("Subject: fünf")).get("subject") == "fünf"


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 505),
        ("CSeq: 5 OPTIONS", "CSeq: 5 INVITE", 400),
        ("CSeq: 5 OPTIONS", "CSeq: 2147483648 OPTIONS", 400),
        ("CSeq: 5 OPTIONS\r\n", "", 400),
        ("Call-ID: c1", "Call-ID: c1\r\ni: c2", 400),
        ("Call-ID: c1", "Call-ID:", 400),
        ("To: sip:alice@192.0.2.1", "To: nobody", 400),
        ("To: sip:alice@192.0.2.1", 'To: "open <sip:a@h>', 400),
        ("From: <sip:b@h>;tag=1", "From: <sip:b@h>;tag=1, <sip:c@h>;tag=2", 400),
        ("OPTIONS sip:alice@192.0.2.1", "OPTIONS <sip:alice@192.0.2.1>", 400),
        ("OPTIONS sip:alice@192.0.2.1", "OPTIONS alice", 400),
        ("Via: SIP/2.0/UDP h", "Via: SIP/2.0/UDP h:0x", 0),
        ("Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n", "", 0),
        ("OPTIONS sip:", "OPT{ONS sip:", 0),
        ("OPTIONS sip:alice@192.0.2.1 SIP/2.0", "OPTIONS sip:alice@192.0.2.1", 0),
        ("OPTIONS sip:alice@192.0.2.1 SIP/2.0", "OPTIONS sip:alice 192.0.2.1 SIP/2.0", 400),
        ("OPTIONS sip:alice@192.0.2.1 SIP/2.0", "", 0),
        ("Call-ID: c1", "Call-ID c1", 0),
        ("Call-ID: c1", "Call-ID: c\r1", 0),
    ],
)
def test_a_request_that_cannot_be_used_says_how_to_answer(old: str, new: str, status: int) -> None:
    error = refused(options(replaced=(old, new)))
    assert error.status == status
    assert (error.message is not None) == bool(status)
    if status:
        assert response(error.message, status).pack().startswith(b"SIP/2.0 %d " % status)


def test_neither_an_ack_nor_a_response_is_ever_answered() -> None:
    assert refused(options("l: 9", replaced=("OPTIONS", "ACK"))).status == 0
    line = HEAD.split("\r\n", 1)[0]
    assert refused(options("l: 9", replaced=(line, "SIP/2.0 200 OK"))).status == 0
    for status in ("99", "700", "4294967301", "20x", "0200"):
        assert refused(options(replaced=(line, f"SIP/2.0 {status} OK"))).status == 0
    found = parse(options(replaced=(line, "SIP/2.0 180")))
    assert (found.method, found.status, found.reason, found.cseq) == ("", 180, "", (5, "OPTIONS"))


def test_a_response_copies_what_belongs_to_its_request() -> None:
    asked = parse(options("v: SIP/2.0/UDP second", "Contact: <sip:x@y>", "Record-Route: <sip:p;lr>"))
    made = response(asked, 486)
    assert made.pack() == (
        b"SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:b@h>;tag=1\r\n"
        b"To: sip:alice@192.0.2.1\r\nCall-ID: c1\r\nCSeq: 5 OPTIONS\r\nVia: SIP/2.0/UDP second\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    assert (response(asked, 499).reason, response(asked, 200, "Fine").reason) == ("", "Fine")
    assert (response(asked, 100).reason, response(asked, 603).reason) == ("Trying", "Decline")


def test_no_line_break_leaves_in_a_line() -> None:
    for value in ("a\r\nVia: x", "a\nb", "a\rb"):
        made = request("OPTIONS", "sip:h")
        made.headers.append(("subject", value))
        with pytest.raises(SipError):
            made.pack()
    with pytest.raises(SipError):
        request("OPTIONS", "sip:h\r\nVia: x").pack()


def test_every_length_is_bounded() -> None:
    for data in (
        b"x" * (message.MAX_MESSAGE_BYTES + 1),
        options(*["a: b"] * 130),
        options("Subject: x", *[" y"] * 130),
        options(*["v: SIP/2.0/UDP h"] * 65),
        options("v: " + "SIP/2.0/UDP h," * 70),
    ):
        refused(data)


def test_a_stream_is_cut_into_messages() -> None:
    first = options("Content-Length: 3", body="abc")
    stream = bytearray(b"\r\n\r\n" + first + options())
    length = len(first) + 4
    assert [message.framed(stream[:count]) for count in (0, 3, 40, length - 1, length)] == [0, 0, 0, 0, length]
    assert message.framed(stream) == length
    assert message.framed(stream[length:]) == len(options())
    for data in (b"x" * 4096, options("l: 4096"), options("l: x")):
        with pytest.raises(SipError):
            message.framed(data)


TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~", min_size=1, max_size=12)
VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30).map(
    lambda text: text.strip(" \t")
)


@given(method=TOKEN, names=st.lists(st.tuples(TOKEN, VALUE), max_size=6), body=st.binary(max_size=40))
def test_what_is_written_reads_back(method: str, names: list[tuple[str, str]], body: bytes) -> None:
    made = request(method, "sip:a@b")
    made.headers = list(parse(options()).headers)
    made.headers = [(name, value) for name, value in made.headers if name != "cseq"] + [("cseq", f"9 {method}")]
    more = [("x-" + name.lower(), value) for name, value in names]
    made.headers += more
    made.body = body
    found = parse(made.pack())
    assert found.headers == [*made.headers, ("content-length", str(len(body)))]
    assert (found.method, found.uri, found.cseq, found.body) == (method, "sip:a@b", (9, method), body)


@given(st.binary(max_size=200), st.integers(0, len(HEAD)))
def test_any_bytes_give_a_message_or_our_error(data: bytes, at: int) -> None:
    for whole in (data, options()[:at] + data + options()[at:]):
        with contextlib.suppress(SipError):
            assert isinstance(parse(whole), Message)
