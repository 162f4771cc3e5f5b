"""Ed25519 against RFC 8032's vectors, `cryptography`, and forged edge cases, under both interpreters."""

from __future__ import annotations

import hashlib
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.crypto import ed25519
from tests.conftest import RunMicroPython

P, ORDER = ed25519.P, ed25519.ORDER
D = -121665 * pow(121666, -1, P) % P
RFC_8032 = [  # 7.1, TEST 1 to 3: public key, message, signature
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
     "655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
     "b00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
     "c027beceea1ec40a"),
]  # fmt: skip
MESSAGE = b"a message"
Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    """The curve's law in affine coordinates, as RFC 8032 has it: slow, and nothing of the code under test."""
    product = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P)
    return x % P, y % P


def times(scalar: int, point: Point) -> Point:
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def encoded(point: Point, more: int = 0) -> bytes:
    """`more` is added to y: P makes another number of the same point."""
    return (point[1] + more | (point[0] & 1) << 255).to_bytes(32, "little")


def base() -> Point:
    y = 4 * pow(5, -1, P) % P
    u, v = y * y - 1, D * y * y + 1
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    x = x if (v * x * x - u) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    return (x if x % 2 == 0 else P - x), y


BASE = base()


def of_order_8() -> Point:
    """What is left of a point when its part of prime order is taken away."""
    y = 2
    while True:
        y += 1
        square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
        x = pow(square, (P + 3) // 8, P)
        x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
        if x * x % P == square and times(4, times(ORDER, (x, y))) != (0, 1):
            return times(ORDER, (x, y))


SMALL = [times(count, of_order_8()) for count in range(8)]


def forged(private: int, nonce: int, r_shift: Point = (0, 1), r_more: int = 0, key: Point | None = None) -> list[bytes]:
    """[public key, MESSAGE, signature] with whatever R and A are asked for; S is always the honest one for them."""
    public = encoded(key or times(private, BASE))
    r = encoded(add(times(nonce, BASE), r_shift), r_more)
    challenge = int.from_bytes(hashlib.sha512(r + public + MESSAGE).digest(), "little") % ORDER
    return [public, MESSAGE, r + ((nonce + challenge * private) % ORDER).to_bytes(32, "little")]


def cases() -> list[tuple[str, bytes, bytes, bytes, bool]]:
    """(name, public key, message, signature, accepted) as an attacker or a broken peer may send them."""
    public, message, good = forged(123456789, 987654321)
    scalar = int.from_bytes(good[32:], "little")
    found = [
        ("good", public, message, good, True),
        ("another message", public, b"another", good, False),
        ("S plus the order", public, message, good[:32] + (scalar + ORDER).to_bytes(32, "little"), False),
        ("S is the order, for zero", public, message, good[:32] + ORDER.to_bytes(32, "little"), False),
        ("S is zero", public, message, good[:32] + bytes(32), False),
        ("all zero", public, message, bytes(64), False),
        ("cut", public, message, good[:63], False),
        ("a byte more", public, message, good + b"\0", False),
        ("empty", public, message, b"", False),
        ("a short key", public[:31], message, good, False),
        ("a long key", public + b"\0", message, good, False),
        ("R neutral, honest", *forged(77, 0), True),
        ("R neutral, its y not reduced", *forged(77, 0, r_more=P), False),
        ("R with a part of small order", *forged(77, 5, r_shift=SMALL[1]), False),
        ("R of small order", *forged(77, 0, r_shift=SMALL[4]), False),
        ("key not on the curve", (2).to_bytes(32, "little"), message, good, False),
        ("key's y is the prime", P.to_bytes(32, "little"), message, good, False),
        ("key's y is not reduced", (P + 3).to_bytes(32, "little"), message, good, False),
        ("key is minus zero", (1 | 1 << 255).to_bytes(32, "little"), message, good, False),
        ("scalars meet in the table", *forged(3, 1), True),
        ("opposite scalars", *forged(ORDER - 1, 9), True),
    ]
    for count, point in enumerate(SMALL):
        # S = nonce makes S B = R + k A whenever k A vanishes, which a key of small order lets happen.
        found.append((f"key of small order {count}", *forged(0, 5, key=point), False))
    return found


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    return bool(ed25519.verify(public, lambda update: update(message), signature))


def openssl_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("vector", RFC_8032, ids=lambda vector: vector[1] or "empty")
def test_the_vectors_of_rfc_8032_verify(vector: tuple[str, str, str]) -> None:
    public, message, signature = map(bytes.fromhex, vector)
    assert verify(public, message, signature)
    assert not verify(public, message + b"\0", signature)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case[0])
def test_verify_accepts_and_refuses(case: tuple[str, bytes, bytes, bytes, bool]) -> None:
    _, public, message, signature, accepted = case
    assert verify(public, message, signature) is accepted


@pytest.mark.parametrize("y", range(2, 19))
def test_a_key_has_one_form_only(y: int) -> None:
    """Its y plus the prime would name the same point; no signature by such a key can be had, so we look inside."""
    assert ed25519._decode((y + P).to_bytes(32, "little")) is None


@pytest.mark.parametrize("case", [c for c in cases() if not c[0].startswith("key")], ids=lambda case: case[0])
def test_openssl_judges_every_signature_alike(case: tuple[str, bytes, bytes, bytes, bool]) -> None:
    """So a repository is good for the unit and for stock clients, or for neither; only in keys we are stricter."""
    assert openssl_verifies(*case[1:4]) is case[4]


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_what_cryptography_signs_verifies(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes_raw()
    signature = key.sign(message)
    assert verify(public, message, signature)
    assert not verify(public, message + b"x", signature)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 8 * 96 - 1))
def test_one_flipped_bit_is_judged_as_openssl_does(bit: int) -> None:
    public, message, good = forged(123456789, 987654321)
    whole = bytearray(public + good)
    whole[bit // 8] ^= 1 << bit % 8
    found = verify(bytes(whole[:32]), message, bytes(whole[32:]))
    assert found is openssl_verifies(bytes(whole[:32]), message, bytes(whole[32:])) is False


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_random_bytes_are_never_good(public: bytes, signature: bytes) -> None:
    assert not verify(public, b"", signature)


SCRIPT = """
import json, sys
from binascii import unhexlify
from adapter.crypto import ed25519
found = []
for public, message, signature in json.loads(sys.stdin.read()):
    message = unhexlify(message)
    def feed(update):
        for at in range(len(message)):
            update(message[at:at + 1])
    found.append(ed25519.verify(unhexlify(public), feed, unhexlify(signature)))
print(json.dumps(found))
"""


def test_micropython_answers_as_cpython_does(micropython: RunMicroPython) -> None:
    asked = [[part.hex() for part in case[1:4]] for case in cases()] + [list(vector) for vector in RFC_8032]
    found = json.loads(micropython(SCRIPT, stdin=json.dumps(asked), heap="128K"))
    assert found == [case[4] for case in cases()] + [True] * len(RFC_8032)
