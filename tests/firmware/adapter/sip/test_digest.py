"""Digest against the worked examples of RFC 2617 3.5 and RFC 7616 3.9.1, and what we do with odd challenges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.sip import digest
from adapter.sip.errors import SipError

RFC_2617 = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
RFC_7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def answered(challenge: str, *more: object) -> dict[str, str]:
    return digest.fields(digest.answer([challenge], *more))


def test_the_example_of_rfc_2617_comes_out() -> None:
    made = answered(RFC_2617, "GET", "/dir/index.html", "Mufasa", "Circle Of Life", 1, "0a4f113b")
    assert made == {
        "username": "Mufasa", "realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html", "qop": "auth", "nc": "00000001", "cnonce": "0a4f113b",
        "response": "6629fae49393a05397450978507c4ef1", "opaque": "5ccc069c403ebaf9f0171e9517f40e41",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_come_out(algorithm: str, response: str) -> None:
    words = ("GET", "/dir/index.html", "Mufasa", "Circle of Life", 1, RFC_7616_CNONCE)
    made = answered(RFC_7616.format(algorithm), *words)
    assert (made["response"], made["algorithm"]) == (response, algorithm)


def test_the_example_of_rfc_2069_without_qop_comes_out() -> None:
    challenge = (
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    made = answered(challenge, "GET", "/dir/index.html", "Mufasa", "CircleOfLife", 1, "unused")
    assert made["response"] == "1949323746fe6a43ef61f9606e7febea"  # RFC 2069 2.4 with its erratum
    assert not made.keys() & {"qop", "nc", "cnonce", "algorithm"}


def test_the_strongest_known_of_several_challenges_is_answered() -> None:
    unknown = RFC_7616.format("SHA-512-256")
    values = [RFC_7616.format("MD5"), unknown, RFC_7616.format("SHA-256"), RFC_2617]
    made = digest.fields(digest.answer(values, "GET", "/", "Mufasa", "x", 1, "c"))
    assert made["algorithm"] == "SHA-256"
    with pytest.raises(SipError, match="no challenge"):
        digest.answer([unknown], "GET", "/", "Mufasa", "x", 1, "c")


def test_the_body_is_signed_only_where_nothing_else_is_offered() -> None:
    challenge = RFC_2617.replace("auth,auth-int", "auth-int")
    first = answered(challenge, "INVITE", "sip:b", "a", "x", 7, "c", b"one")
    assert (first["qop"], first["nc"]) == ("auth-int", "00000007")
    assert first["response"] != answered(challenge, "INVITE", "sip:b", "a", "x", 7, "c", b"two")["response"]


def test_a_session_key_takes_in_both_nonces() -> None:
    """RFC 7616 3.4.2 has no example; the value is computed from its formula."""
    from hashlib import sha256

    def h(text: str) -> str:
        return sha256(text.encode()).hexdigest()

    challenge = 'Digest realm="r", nonce="n", algorithm=SHA-256-sess, qop="auth"'
    made = answered(challenge, "REGISTER", "sip:r", "u", "p", 1, "c")
    assert made["response"] == h(f"{h(h('u:r:p') + ':n:c')}:n:00000001:c:auth:{h('REGISTER:sip:r')}")


@pytest.mark.parametrize(
    "challenge",
    ["", "Basic realm=x", "Digest", 'Digest realm="r"', 'Digest nonce="n"', 'Digest realm="open, nonce="n"',
     'Digest realm="r", nonce="n", qop="strange"', 'Digest realm="r", nonce="n", algorithm=ROT13'],
)  # fmt: skip
def test_what_cannot_be_answered_is_an_error_of_ours(challenge: str) -> None:
    with pytest.raises(SipError):
        digest.answer([challenge], "GET", "/", "u", "p", 1, "c")


@given(user=st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20), realm=st.text(max_size=20))
def test_what_stands_in_quotes_comes_back_whatever_it_is(user: str, realm: str) -> None:
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
    made = answered(f'Digest realm="{quoted}", nonce="n"', "REGISTER", "sip:r", user, "p", 1, "c")
    assert (made["username"], made["realm"]) == (user, realm)
    assert made["response"] == digest.proof(made, "REGISTER", "p")
    assert made["response"] != digest.proof(made, "REGISTER", "q")
