"""P-256 against `cryptography`, RFC 6979's vectors and forged edge cases, under both interpreters."""

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.crypto import p256
from adapter.crypto.errors import CryptoError
from tests.conftest import RunMicroPython

RFC_6979_KEY = bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
RFC_6979 = {  # A.2.5, SHA-256: message -> r, s
    b"sample": (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    b"test": (
        0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
        0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
    ),
}
MESSAGE = b"a message"
DIGEST = hashlib.sha256(MESSAGE).digest()


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def host_key(scalar: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(scalar, ec.SECP256R1())


def raw_element(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body


def raw_signature(r: bytes, s: bytes) -> bytes:
    return raw_element(0x30, raw_element(2, r) + raw_element(2, s))


def forge_for_known_sum(u1: int, u2: int, private: int) -> tuple[bytes, bytes]:
    """A digest and its signature whose verification computes exactly u1 G + u2 Q (Q = private G)."""
    r = int.from_bytes(p256.public_key(((u1 + u2 * private) % p256.N).to_bytes(32, "big"))[1:33], "big") % p256.N
    s = r * pow(u2, -1, p256.N) % p256.N
    return (u1 * s % p256.N).to_bytes(32, "big"), encode_dss_signature(r, s)


def verify_cases() -> list[tuple[str, bytes, bytes, bytes, bool]]:
    """(name, public key, digest, signature, accepted) as an attacker or a broken peer may send them."""
    return value_cases() + form_cases()


def value_cases() -> list[tuple[str, bytes, bytes, bytes, bool]]:
    """Numbers at the edges of what they may be."""
    key = host_key(0x1234567890ABCDEF)
    public = public_bytes(key)
    good = key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(good)
    der_of = encode_dss_signature
    return [
        ("good", public, DIGEST, good, True),
        ("the other s", public, DIGEST, der_of(r, p256.N - s), True),
        ("another digest", public, hashlib.sha256(b"x").digest(), good, False),
        ("another key", public_bytes(host_key(5)), DIGEST, good, False),
        ("zero digest, good", *known_sum(0, 7, 99), True),
        ("digest above n", *known_sum_above_n(), True),
        ("r is zero", public, DIGEST, der_of(0, s), False),
        ("s is zero", public, DIGEST, der_of(r, 0), False),
        ("r is n", public, DIGEST, der_of(p256.N, s), False),
        ("s is n", public, DIGEST, der_of(r, p256.N), False),
        ("r plus n", public, DIGEST, der_of(r + p256.N, s), False),
        ("s plus n", public, DIGEST, der_of(r, s + p256.N), False),
        ("r is p - n", public, DIGEST, der_of(p256.P - p256.N, s), False),
        ("r is 1", public, DIGEST, der_of(1, s), False),
        ("sum at infinity", *infinite_sum(), False),
        ("adds equal points", *known_sum(1, 1, 1), True),
        ("adds equal points later", *known_sum(5, 5, 1), True),
        ("adds opposite points first", *known_sum(9, 7, p256.N - 1), True),
        ("meets the generator's table", *known_sum(3, 1, 3), True),
        ("u1 is n - 1", *known_sum(p256.N - 1, 2, 12345), True),
        ("u2 is n - 1", *known_sum(2, p256.N - 1, 12345), True),
    ]


def form_cases() -> list[tuple[str, bytes, bytes, bytes, bool]]:
    """Signatures, digests and keys in every form but the right one."""
    key = host_key(0x1234567890ABCDEF)
    public = public_bytes(key)
    good = key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(good)
    r_bytes, s_bytes = (v.to_bytes((v.bit_length() // 8) + 1, "big") for v in (r, s))
    length = len(good) - 2
    return [
        ("empty signature", public, DIGEST, b"", False),
        ("cut signature", public, DIGEST, good[:-1], False),
        ("byte after", public, DIGEST, good + b"\0", False),
        ("byte after, inside", public, DIGEST, raw_element(0x30, good[2:] + b"\0"), False),
        ("long form length", public, DIGEST, b"\x30\x81" + bytes((length,)) + good[2:], False),
        ("indefinite length", public, DIGEST, b"\x30\x80" + good[2:] + b"\0\0", False),
        ("a set, not a sequence", public, DIGEST, b"\x31" + good[1:], False),
        ("padded r", public, DIGEST, raw_signature(b"\0" * 2 + r.to_bytes(32, "big"), s_bytes), False),
        ("negative s", public, DIGEST, raw_signature(r_bytes, b"\xff" + s_bytes[1:]), False),
        ("empty r", public, DIGEST, raw_signature(b"", s_bytes), False),
        ("only r", public, DIGEST, raw_element(0x30, raw_element(2, r_bytes)), False),
        ("huge r", public, DIGEST, raw_signature(b"\x01" + bytes(80), s_bytes), False),
        (
            "octet string for r",
            public,
            DIGEST,
            raw_element(0x30, raw_element(4, r_bytes) + raw_element(2, s_bytes)),
            False,
        ),
        ("raw 64 bytes", public, DIGEST, r.to_bytes(32, "big") + s.to_bytes(32, "big"), False),
        ("digest too short", public, DIGEST[:20], good, False),
        ("digest too long", public, DIGEST + b"\0", good, False),
        ("key off the curve", public[:-1] + bytes((public[-1] ^ 1,)), DIGEST, good, False),
        ("key at zero", b"\x04" + bytes(64), DIGEST, good, False),
        ("key at infinity", b"\x00", DIGEST, good, False),
        ("compressed key", bytes((2 + (public[-1] & 1),)) + public[1:33], DIGEST, good, False),
        ("hybrid key", b"\x06" + public[1:], DIGEST, good, False),
        ("key's x not reduced", b"\x04" + (p256.P + 5).to_bytes(32, "big") + public[33:], DIGEST, good, False),
    ]


def known_sum(u1: int, u2: int, private: int) -> tuple[bytes, bytes, bytes]:
    digest, signature = forge_for_known_sum(u1, u2, private)
    return public_bytes(host_key(private)), digest, signature


def known_sum_above_n() -> tuple[bytes, bytes, bytes]:
    """A signature of the digest n + 1, which counts as 1: digests are reduced, not refused."""
    key = host_key(99)
    nonce = 31337
    r = int.from_bytes(p256.public_key(nonce.to_bytes(32, "big"))[1:33], "big") % p256.N
    s = (1 + r * 99) * pow(nonce, -1, p256.N) % p256.N
    return public_bytes(key), (p256.N + 1).to_bytes(32, "big"), encode_dss_signature(r, s)


def infinite_sum() -> tuple[bytes, bytes, bytes]:
    """A digest for which u1 G + u2 Q is the point at infinity: hashed + r d = 0."""
    private, r, s = 77, 1234, 4321
    return public_bytes(host_key(private)), (-r * private % p256.N).to_bytes(32, "big"), encode_dss_signature(r, s)


@pytest.mark.parametrize("message", RFC_6979)
def test_signatures_are_those_of_rfc_6979(message: bytes) -> None:
    r, s = RFC_6979[message]
    assert p256.sign(RFC_6979_KEY, hashlib.sha256(message).digest()) == encode_dss_signature(r, s)


@pytest.mark.parametrize("case", verify_cases(), ids=lambda case: case[0])
def test_verify_accepts_and_refuses(case: tuple[str, bytes, bytes, bytes, bool]) -> None:
    _, public, digest, signature, accepted = case
    assert p256.verify(public, digest, signature) is accepted


@settings(max_examples=30, deadline=None)
@given(st.integers(1, p256.N - 1), st.binary(max_size=100))
def test_both_libraries_agree_on_keys_and_signatures(scalar: int, message: bytes) -> None:
    key = host_key(scalar)
    private = scalar.to_bytes(32, "big")
    digest = hashlib.sha256(message).digest()
    assert p256.public_key(private) == public_bytes(key)
    assert p256.verify(public_bytes(key), digest, key.sign(message, ec.ECDSA(hashes.SHA256())))
    deterministic = key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    assert p256.sign(private, digest) == deterministic


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8 * 70), st.sampled_from(["signature", "digest", "key"]))
def test_one_flipped_bit_is_refused(bit: int, where: str) -> None:
    key = host_key(424242)
    parts = {
        "signature": bytearray(p256.sign((424242).to_bytes(32, "big"), DIGEST)),
        "digest": bytearray(DIGEST),
        "key": bytearray(public_bytes(key)),
    }
    bit %= 8 * len(parts[where])
    parts[where][bit // 8] ^= 1 << bit % 8
    assert not p256.verify(bytes(parts["key"]), bytes(parts["digest"]), bytes(parts["signature"]))


@pytest.mark.parametrize("private", [bytes(32), p256.N.to_bytes(32, "big"), b"\xff" * 32, b"\x01" * 31, b"\x01" * 33])
def test_a_private_key_out_of_range_is_refused(private: bytes) -> None:
    with pytest.raises(CryptoError, match="private key"):
        p256.public_key(private)


def test_a_key_depends_on_both_sources_of_randomness() -> None:
    keys = {p256.make_key(bytes([a]) * 32, bytes([b]) * 32) for a in range(3) for b in range(3)}
    assert len(keys) == 9
    assert all(0 < int.from_bytes(key, "big") < p256.N for key in keys)
    with pytest.raises(CryptoError, match="random"):
        p256.make_key(b"short", bytes(32))


SCRIPT = """
import json, sys
from binascii import hexlify, unhexlify
from adapter.crypto import p256
cases = json.loads(sys.stdin.read())
answers = [p256.verify(unhexlify(k), unhexlify(d), unhexlify(s)) for k, d, s in cases["verify"]]
signed = [hexlify(p256.sign(unhexlify(k), unhexlify(d))).decode() for k, d in cases["sign"]]
public = [hexlify(p256.public_key(unhexlify(k))).decode() for k, d in cases["sign"]]
print(json.dumps([answers, signed, public]))
"""


def test_micropython_answers_as_cpython_does(micropython: RunMicroPython) -> None:
    cases = verify_cases()
    signing = [(RFC_6979_KEY, hashlib.sha256(message).digest()) for message in RFC_6979]
    signing += [(p256.make_key(bytes([i]) * 32, bytes(32)), hashlib.sha256(bytes([i])).digest()) for i in range(10)]
    asked: dict[str, Any] = {
        "verify": [[value.hex() for value in case[1:4]] for case in cases],
        "sign": [[private.hex(), digest.hex()] for private, digest in signing],
    }
    verified, signed, public = json.loads(micropython(SCRIPT, stdin=json.dumps(asked), heap="128K"))
    assert dict(zip([c[0] for c in cases], verified, strict=True)) == {case[0]: case[4] for case in cases}
    assert signed == [p256.sign(private, digest).hex() for private, digest in signing]
    assert public == [p256.public_key(private).hex() for private, _ in signing]
