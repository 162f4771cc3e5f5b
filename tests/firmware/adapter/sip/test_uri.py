"""URIs, addresses, Via and lists: what RFC 3261 allows is understood, and nothing but SipError comes of the rest."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.sip import uri
from adapter.sip.errors import SipError


@pytest.mark.parametrize(
    ("text", "parts"),
    [  # RFC 3261 19.1.3, RFC 4475 3.1.1
        ("sip:alice@atlanta.com", ("sip", "alice", "atlanta.com", 0, {})),
        ("sip:alice:secretword@atlanta.com;transport=tcp", ("sip", "alice", "atlanta.com", 0, {"transport": "tcp"})),
        ("sips:alice@atlanta.com?subject=project%20x&priority=urgent", ("sips", "alice", "atlanta.com", 0, {})),
        ("sip:+1-212-555-1212:1234@gateway.com;user=phone",
         ("sip", "+1-212-555-1212", "gateway.com", 0, {"user": "phone"})),
        ("SIP:alice@192.0.2.4:5070;LR", ("sip", "alice", "192.0.2.4", 5070, {"lr": ""})),
        ("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
         ("sip", "", "atlanta.com", 0, {"method": "REGISTER"})),
        ("sip:alice;day=tuesday@atlanta.com", ("sip", "alice;day=tuesday", "atlanta.com", 0, {})),
        ("sip:[2001:db8::10]:5070", ("sip", "", "[2001:db8::10]", 5070, {})),
        ("sip:sips%3Auser%40example.com@example.net", ("sip", "sips:user@example.com", "example.net", 0, {})),
        ("sip:null-%00-null@example.com", ("sip", "null-\0-null", "example.com", 0, {})),
        ("sip:f%FC%zz%4@h", ("sip", "f%FC%zz%4", "h", 0, {})),
        ("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
         ("sip", "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", "example.com", 0, {})),
        ("tel:+358-555-1234567;postd=pp22", ("tel", "+358-555-1234567", "", 0, {"postd": "pp22"})),
        ("nobodyKnowsThisScheme:totallyopaquecontent", ("nobodyknowsthisscheme", "totallyopaquecontent", "", 0, {})),
    ],
)  # fmt: skip
def test_a_uri_comes_apart(text: str, parts: tuple[object, ...]) -> None:
    assert uri.parse_uri(text) == parts


@pytest.mark.parametrize(
    "text",
    ["", "sip:", ":x@y", "alice", "sip:@host", "sip:a@", "sip:a@h:", "sip:a@h:70000", "sip:a@h:x", "sip:a@[::1",
     "sip:a b@h",     "sip:a@h_-ö", "sip:a@" + "h" * 256, "sip:a@h" + ";a" * 70],
)  # fmt: skip
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(SipError):
        uri.parse_uri(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s',
         ("A. G. Bell", "sip:agb@bell-telephone.com", {"tag": "a48s"})),
        ("sip:+12125551212@server.phone2net.com;tag=887s",
         ("", "sip:+12125551212@server.phone2net.com", {"tag": "887s"})),
        ("Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8;X", ("Anonymous", "sip:c8oqz84zk7z@privacy.org",
                                                                {"tag": "hyh8", "x": ""})),
        ('"Mr. \\"<W>;\\\\" <sip:w@x;lr?a=b>;q="0.7"', ('Mr. "<W>;\\', "sip:w@x;lr?a=b", {"q": "0.7"})),
        ('"caller"<sip:c@x>;tag = 1', ("caller", "sip:c@x", {"tag": "1"})),
        ("token1~` token2'+_ token3*%!.- <sip:mundane@example.com>",
         ("token1~` token2'+_ token3*%!.-", "sip:mundane@example.com", {})),
        ("< sip:t.watson@example.org >", ("", "sip:t.watson@example.org", {})),
        ("*", ("", "*", {})),
        ('"" <sip:a@b>', ("", "sip:a@b", {})),
    ],
)  # fmt: skip
def test_an_address_comes_apart(text: str, parts: tuple[object, ...]) -> None:
    assert uri.name_addr(text) == parts


@pytest.mark.parametrize("text", ["", ";tag=1", '"open <sip:a@b>', "<sip:a@b", "x y", '"a" sip:b@c', "<>", "a <b> c"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SipError):
        uri.name_addr(text)


def test_a_via_comes_apart_with_white_space_anywhere() -> None:
    wide = "SIP /  2.0 \t/UDP   192.0.2.2 : 5061 ;rport ; received = 198.51.100.9; branch=390skdjuw"
    values = {"rport": "", "received": "198.51.100.9", "branch": "390skdjuw"}
    assert uri.parse_via(wide) == ("UDP", "192.0.2.2", 5061, values)
    assert uri.parse_via("sip/2.0/tls-sctp [2001:db8::9:1]") == ("TLS-SCTP", "[2001:db8::9:1]", 0, {})
    assert uri.parameter(wide, "branch") == "390skdjuw"
    assert (uri.parameter(wide, "rport"), uri.parameter(wide, "ttl")) == ("", None)
    for value in ("", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP h:x", "HTTP/2.0/UDP h"):
        with pytest.raises(SipError):
            uri.parse_via(value)


def test_numbers_are_plain_digits_within_their_bound() -> None:
    assert [uri.number(text, 255) for text in ("0", "0068", " 255", "0" * 50)] == [0, 68, 255, 0]
    for text in ("", " ", "256", "-1", "+1", "1e1", "1_0", "٣", "9" * 5000, "0x1"):
        with pytest.raises(SipError):
            uri.number(text, 255)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12), min_size=1, max_size=8))
def test_a_list_of_quoted_texts_comes_apart_where_it_was_joined(texts: list[str]) -> None:
    quoted = ['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]
    pieces = uri.split(" ,\t".join(quoted), ",")
    assert [uri.unquote(piece) for piece in pieces] == texts


@given(st.text(max_size=60))
def test_any_text_gives_a_value_or_our_error(text: str) -> None:
    for read in (uri.parse_uri, uri.name_addr, uri.parse_via, lambda text: uri.number(text, 9)):
        with contextlib.suppress(SipError):
            read(text)
