"""Every valid message of the RFCs' examples is accepted, every other one refused as its RFC says."""

from __future__ import annotations

import pytest

from adapter.sip import digest, sdp, uri
from adapter.sip.errors import SipError
from adapter.sip.message import parse
from tests.conftest import RunMicroPython
from tests.firmware.adapter.sip.examples import examples, messages

MESSAGES = messages()
NAMES = [title for title, _ in MESSAGES]
ADDRESSES = ("from", "to", "contact", "route", "record-route")


@pytest.mark.parametrize(("title", "data"), MESSAGES, ids=NAMES)
def test_an_example_of_a_message_is_judged_as_its_rfc_says(title: str, data: bytes) -> None:
    if title.endswith(" valid"):
        found = parse(data)
        for name in ADDRESSES:
            for value in found.all(name):
                uri.name_addr(value)
        again = parse(found.pack())
        assert (again.method, again.status, again.uri, again.cseq) == (
            found.method, found.status, found.uri, found.cseq,
        )  # fmt: skip
        known = [header for header in found.headers if header[0] != "content-length"]
        assert again.headers[:-1] == known
        assert again.body == found.body
        return
    with pytest.raises(SipError) as caught:
        parse(data)
    expected = 0 if title.endswith("dropped") else int(title.rsplit(" ", 1)[1])
    assert caught.value.status == expected


def test_the_tortuous_invite_means_what_it_says() -> None:
    found = parse(dict(MESSAGES)["wsinv 3.1.1.1 valid"])
    assert uri.name_addr(found.get("from")) == ('J Rosenberg \\"', "sip:jdrosen@example.com", {"tag": "98asjd8"})
    assert uri.parameter(found.get("to"), "tag") == "1918181833n"
    assert (uri.number(found.get("max-forwards"), 255), found.cseq) == (68, (9, "INVITE"))
    assert [uri.parse_via(value)[:2] for value in found.all("via")] == [
        ("UDP", "192.0.2.2"), ("TCP", "spindle.example.com"), ("UDP", "192.168.255.111"),
    ]  # fmt: skip
    assert [uri.parameter(value, "branch") for value in found.all("via")] == [
        "390skdjuw",
        "z9hG4bK9ikj8",
        "z9hG4bK30239",
    ]
    assert (found.get("subject"), found.get("newfangledheader")) == ("", "newfangled value continued newfangled value")
    assert uri.name_addr(found.get("contact"))[2] == {"newparam": "newvalue", "secondparam": "", "q": "0.33"}
    described = sdp.parse(found.body)
    assert (described.host, described.port, described.codecs) == ("192.0.2.4", 49217, [(0, "PCMU", 8000)])


def test_odd_characters_survive() -> None:
    found = parse(dict(MESSAGES)["intmeth 3.1.1.2 valid"])
    assert uri.name_addr(found.get("to"))[0] == "BEL:\x07 NUL:\0 DEL:\x7f"
    assert uri.parameter(found.get("from"), "fromParam''~+*_!.-%".lower()) == "работающий"
    assert found.get("extensionheader-!.%*+_`'~") == "\ufeff大停電"
    assert len(parse(dict(MESSAGES)["longreq 3.1.1.7 valid"]).all("via")) == 34
    assert parse(dict(MESSAGES)["dblreq 3.1.1.8 valid"]).body == b""
    assert len(parse(dict(MESSAGES)["fields 20 valid"]).all("contact")) == 3


def test_challenges_in_the_examples_are_read() -> None:
    found = parse(dict(MESSAGES)["challenge RFC 3665 2.1 F2 valid"])
    fields = digest.fields(found.get("www-authenticate"))
    assert fields["nonce"] == "ea9c8e88df84f1cec4341ae6cbe5a359"
    assert (fields["opaque"], fields["stale"], fields["qop"]) == ("", "FALSE", "auth")


@pytest.mark.parametrize(("title", "body"), examples("sdp"))
def test_an_example_of_sdp_is_read(title: str, body: bytes) -> None:
    found = sdp.parse(body)
    expected = {
        "RFC 3264 10.1 offer": (49170, [0], "sendrecv", 49171),
        "RFC 3264 10.1 answer": (49920, [0], "sendrecv", 49921),
        "RFC 3264 10.1 second offer": (65422, [0], "sendrecv", 65423),
        "RFC 3264 10.2 offer": (62986, [0], "inactive", 62987),
        "RFC 4317 2.1 offer": (49170, [0, 8], "sendrecv", 49171),
        "RFC 4317 2.4 offer": (49170, [], "sendrecv", 49171),
        "RFC 4317 3.1 hold": (49170, [], "sendonly", 49171),
        "RFC 4317 4.1 no audio any more": (0, [], "sendrecv", 0),
        "RFC 4317 5.1 controlled by a third party": (0, [], "sendrecv", 0),
        "RFC 4566 5 example": (49170, [0], "recvonly", 49171),
        "RFC 4568 9.2 crypto": (49170, [0], "sendrecv", 49171),
        "RFC 3605 2.1 rtcp": (49170, [0], "sendrecv", 53020),
    }[title]
    assert (found.port, [codec[0] for codec in found.codecs], found.direction, found.rtcp_port) == expected
    assert not found.crypto  # RFC 4568's example names its master key, which we do not do


def test_all_of_it_holds_on_the_device(micropython: RunMicroPython) -> None:
    script = """
import sys
from adapter.sip import sdp
from adapter.sip.errors import SipError
from adapter.sip.message import parse
for line in sys.stdin:
    kind, data = line.split()
    data = bytes.fromhex(data)
    try:
        if kind == "sdp":
            found = sdp.parse(data)
            print(found.port, found.direction, found.codecs)
        else:
            found = parse(data)
            print(found.pack().hex())
    except SipError as error:
        print(error.status, error)
"""
    told = [("message", data) for _, data in MESSAGES] + [("sdp", data) for _, data in examples("sdp")]
    printed = micropython(script, stdin="".join(f"{kind} {data.hex()}\n" for kind, data in told)).splitlines()
    for (kind, data), line in zip(told, printed, strict=True):
        try:
            if kind == "sdp":
                found = sdp.parse(data)
                assert line == f"{found.port} {found.direction} {found.codecs}"
            else:
                assert line == parse(data).pack().hex()
        except SipError as error:
            assert line == f"{error.status} {error}"  # noqa: PT017 - both outcomes are as good as the other
