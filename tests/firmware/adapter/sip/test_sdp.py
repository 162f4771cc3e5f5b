"""Offers and answers: what we write is read back, and peers' odd ways are understood (RFC 3264, 4568)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.sip import sdp
from adapter.sip.errors import SipError

KEY = bytes(range(30))
CRYPTO = (1, "AES_CM_128_HMAC_SHA1_80", KEY)
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


def described(*media: str, head: str = "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n") -> bytes:
    return (head + "".join(line + "\r\n" for line in media)).encode()


def answered(offered: sdp.Description, codecs: list[str], direction: str = "sendrecv") -> str:
    return bytes(sdp.answer(offered, "192.0.2.1", 4000, 7, 1, codecs, 20, direction)).decode()


@given(
    port=st.integers(1, 65534), codecs=st.permutations(["PCMU", "PCMA"]), count=st.integers(1, 2),
    ptime=st.sampled_from([10, 20, 30]), direction=st.sampled_from(DIRECTIONS), secured=st.booleans(),
)  # fmt: skip
def test_what_we_offer_is_what_is_read(
    port: int, codecs: list[str], count: int, ptime: int, direction: str, secured: bool
) -> None:
    more = ([CRYPTO], "RTP/SAVP") if secured else ()
    found = sdp.parse(sdp.offer("192.0.2.1", port, 1, 2, codecs[:count], ptime, direction, *more))
    assert (found.host, found.port, found.rtcp_port) == ("192.0.2.1", port, port + 1)
    assert [name for _, name, _ in found.codecs] == codecs[:count]
    assert (found.ptime, found.direction, found.dtmf_pt, found.cn) == (ptime, direction, 101, 13)
    assert (found.profile, found.crypto) == (("RTP/SAVP", [CRYPTO]) if secured else ("RTP/AVP", []))


@pytest.mark.parametrize("theirs", DIRECTIONS)
@pytest.mark.parametrize("ours", DIRECTIONS)
def test_an_answer_allows_no_more_than_both_sides_want(ours: str, theirs: str) -> None:
    found = sdp.agreed(ours, theirs)
    assert ("send" in found) == ("send" in ours and "recv" in theirs)
    assert ("recv" in found) == ("recv" in ours and "send" in theirs)
    answer = answered(sdp.parse(described("m=audio 5000 RTP/AVP 0", f"a={theirs}")), ["PCMU"], ours)
    assert f"a={found}\r\n" in answer


def test_codecs_in_an_odd_order_keep_it_and_the_first_that_we_have_is_taken() -> None:
    offered = sdp.parse(described("m=audio 5000 RTP/AVP 9 96 8 101 0 13", "a=rtpmap:96 opus/48000/2",
                                  "a=rtpmap:101 telephone-event/8000"))  # fmt: skip
    assert offered.codecs == [(8, "PCMA", 8000), (0, "PCMU", 8000)]
    assert sdp.choose(offered, ["PCMU", "PCMA"]) == (8, "PCMA", 8000)
    assert "m=audio 4000 RTP/AVP 0 13 101\r\n" in answered(offered, ["PCMU"])


def test_the_payload_type_of_digits_is_the_peers_and_those_of_g711_are_static() -> None:
    offered = sdp.parse(
        described("m=audio 5000 RTP/AVP 111 0 97", "a=rtpmap:111 pcmu/8000", "a=rtpmap:0 pcmu/8000/1",
                  "a=rtpmap:97 Telephone-Event/8000")
    )  # fmt: skip
    assert (offered.codecs, offered.dtmf_pt, offered.cn) == ([(0, "PCMU", 8000)], 97, None)
    answer = answered(offered, ["PCMU"])
    assert "m=audio 4000 RTP/AVP 0 97\r\n" in answer
    assert "a=rtpmap:97 telephone-event/8000\r\n" in answer
    assert "a=fmtp:97 0-16\r\n" in answer


def test_every_media_line_is_answered_and_the_others_refused() -> None:
    offered = sdp.parse(described("m=video 5002 RTP/AVP 31", "m=audio 0 RTP/AVP 0", "a=recvonly",
                                  "m=audio 5000 RTP/AVP 0", "c=IN IP4 192.0.2.77", "a=sendonly",
                                  "m=message 9 TCP/MSRP *", "c=IN IP4 192.0.2.99", "a=inactive"))  # fmt: skip
    assert (offered.index, offered.host, offered.direction) == (2, "192.0.2.77", "sendonly")
    lines = [line for line in answered(offered, ["PCMU"]).split("\r\n") if line[:2] == "m="]
    assert lines == ["m=video 0 RTP/AVP 31", "m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 0", "m=message 0 TCP/MSRP *"]


def test_nothing_in_common_is_488() -> None:
    for media in ("m=audio 5000 RTP/AVP 9", "m=audio 0 RTP/AVP 0", "m=video 5000 RTP/AVP 31", "m=audio 5 UDP/X 0"):
        with pytest.raises(SipError) as caught:
            answered(sdp.parse(described(media)), ["PCMU"])
        assert caught.value.status == 488
    with pytest.raises(SipError) as caught:
        sdp.parse(described())
    assert caught.value.status == 488
    six = sdp.parse(described("m=audio 5000 RTP/AVP 0", "c=IN IP6 2001:db8::1"))
    with pytest.raises(SipError) as caught:
        answered(six, ["PCMU"])
    assert caught.value.status == 488


def test_hold_by_the_address_of_nobody_stops_our_sending() -> None:
    held = sdp.parse(described("m=audio 5000 RTP/AVP 0", "c=IN IP4 0.0.0.0"))
    assert held.direction == "sendonly"
    assert "a=recvonly" in answered(held, ["PCMU"])


def test_of_secured_and_plain_streams_the_first_we_may_take_is_ours() -> None:
    body = described("m=audio 5000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40,
                     "m=audio 6000 RTP/AVP 8")  # fmt: skip
    assert (sdp.parse(body).port, sdp.parse(body).crypto) == (5000, [(1, CRYPTO[1], bytes(30))])
    plain = sdp.parse(body, False)
    assert (plain.port, plain.crypto, plain.codecs) == (6000, [], [(8, "PCMA", 8000)])


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "|2^20", 1),
        ("2 AES_CM_128_HMAC_SHA1_32 inline:" + "A" * 40, 1),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "|2^20|1:4", 0),  # a packet would carry the key's name
        ("1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 39 + "=", 0),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 36, 0),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + " UNENCRYPTED_SRTP", 0),
        ("1 F8_128_HMAC_SHA1_80 inline:" + "A" * 40, 0),
    ],
)
def test_only_keys_that_we_can_use_count(line: str, count: int) -> None:
    assert len(sdp.parse(described("m=audio 5000 RTP/SAVP 0", "a=crypto:" + line)).crypto) == count


@pytest.mark.parametrize(
    "media",
    ["m=audio 5000", "m=audio x RTP/AVP 0", "m=audio 70000 RTP/AVP 0", "c=IN IP4",
     "m=audio 5000 RTP/AVP" + " 0" * 33, "a=rtpmap:x PCMU/8000"],
)  # fmt: skip
def test_a_broken_description_is_400(media: str) -> None:
    whole = described("m=audio 5000 RTP/AVP 0") + media.encode() + b"\r\n"
    with pytest.raises(SipError) as caught:
        sdp.parse(whole)
    assert caught.value.status == 400


def test_a_name_that_is_not_utf_8_does_not_cost_the_call() -> None:
    body = described("m=audio 5000 RTP/AVP 0").replace(b"s=-", b"s=B\xfcro")
    assert sdp.parse(body).port == 5000


def test_lengths_are_bounded() -> None:
    for body in (b"v" * 4097, b"\n" * 200, described(*["m=audio 5000 RTP/AVP 0"] * 9)):
        with pytest.raises(SipError):
            sdp.parse(body)
