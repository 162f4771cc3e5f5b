"""RSASSA-PSS against `cryptography` and paddings forged byte by byte, under both interpreters."""

from __future__ import annotations

import functools
import hashlib
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.crypto import der, rsa_pss
from adapter.crypto.errors import CryptoError
from tests.conftest import RunMicroPython

MESSAGE = b"a message"
DIGEST = hashlib.sha256(MESSAGE).digest()
OID_RSA = bytes.fromhex("2a864886f70d010101")


@functools.cache
def private_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def info(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def made_info(
    modulus: int, exponent: int, oid: bytes = OID_RSA, parameters: bytes = b"\x05\0", tail: bytes = b""
) -> bytes:
    numbers = der.element(der.SEQUENCE, der.integer(modulus), der.integer(exponent), tail)
    algorithm = der.element(der.SEQUENCE, der.element(der.OID, oid), parameters)
    return bytes(der.element(der.SEQUENCE, algorithm, der.bit_string(numbers)))


def sign(bits: int, salt: int, message: bytes = MESSAGE, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    chosen = algorithm or hashes.SHA256()
    return private_key(bits).sign(message, padding.PSS(padding.MGF1(chosen), salt), chosen)


def mask(seed: bytes, size: int) -> bytes:
    return b"".join(hashlib.sha256(seed + count.to_bytes(4, "big")).digest() for count in range(size // 32 + 1))[:size]


def forged(bits: int = 2048, salt: bytes = b"s" * 32, first: int = 0, mark: int = 1, trailer: int = 0xBC, top: int = 0,
           zeros: bytes | None = None, eight: bytes = bytes(8)) -> bytes:  # fmt: skip
    """A signature over a padding that is wrong in one place; everything else is as EMSA-PSS-ENCODE has it."""
    size = (bits - 1 + 7) // 8
    hashed = hashlib.sha256(eight + DIGEST + salt).digest()
    room = size - 32 - 1 - 1 - len(salt)
    block = (bytes(room) if zeros is None else zeros) + bytes((mark,)) + salt
    block = bytes((block[0] | first,)) + block[1:]
    masked = int.from_bytes(block, "big") ^ int.from_bytes(mask(hashed, len(block)), "big")
    masked &= (1 << 8 * len(block) - (8 * size - bits + 1)) - 1
    encoded = (masked | top << 8 * len(block) - 8).to_bytes(len(block), "big") + hashed + bytes((trailer,))
    numbers = private_key(bits).private_numbers()
    modulus = numbers.public_numbers.n
    return pow(int.from_bytes(encoded, "big") % modulus, numbers.d, modulus).to_bytes((bits + 7) // 8, "big")


def unreduced() -> bytes:
    """A good signature plus the modulus, which still has 256 bytes; salts are random, so one is soon found."""
    modulus = private_key(2048).public_key().public_numbers().n
    for _ in range(1000):
        number = int.from_bytes(sign(2048, 32), "big") + modulus
        if not number >> 2048:
            return number.to_bytes(256, "big")
    pytest.fail("no signature is small enough")


def cases() -> list[tuple[str, bytes, bytes, bytes, bool]]:
    """(name, key, digest, signature, accepted)."""
    key = info(private_key(2048).public_key())
    good = sign(2048, 32)
    room = 256 - 32 - 1 - 1 - 32
    return [
        ("good", key, DIGEST, good, True),
        ("2049 bits, a byte less encoded", info(private_key(2049).public_key()), DIGEST, sign(2049, 32), True),
        ("3072 bits", info(private_key(3072).public_key()), DIGEST, sign(3072, 32), True),
        ("no salt", key, DIGEST, sign(2048, 0), True),
        ("the longest salt", key, DIGEST, sign(2048, 222), True),
        ("our own forging hand, honest", key, DIGEST, forged(), True),
        ("another digest", key, hashlib.sha256(b"x").digest(), good, False),
        ("a digest too short", key, DIGEST[:31], good, False),
        ("another hash", key, DIGEST, sign(2048, 32, algorithm=hashes.SHA384()), False),
        ("another key", info(private_key(3072).public_key()), DIGEST, good, False),
        ("trailer", key, DIGEST, forged(trailer=0xCC), False),
        ("mark", key, DIGEST, forged(mark=2), False),
        ("no mark", key, DIGEST, forged(mark=0, salt=bytes(32)), False),
        ("a byte in the zeros", key, DIGEST, forged(zeros=bytes(room - 1) + b"\2"), False),
        ("the first byte of the zeros", key, DIGEST, forged(first=2), False),
        ("a bit above the encoding", key, DIGEST, forged(top=0x80), False),
        ("eight bytes that are not zero", key, DIGEST, forged(eight=b"\1" + bytes(7)), False),
        ("zero", key, DIGEST, bytes(256), False),
        ("one", key, DIGEST, bytes(255) + b"\1", False),
        ("not reduced", key, DIGEST, unreduced(), False),
        ("a zero before", key, DIGEST, b"\0" + good, False),
        ("cut", key, DIGEST, good[:-1], False),
        ("empty", key, DIGEST, b"", False),
        ("a key of another kind", info(ec.generate_private_key(ec.SECP256R1()).public_key()), DIGEST, good, False),
        ("PKCS 1 v1.5", key, DIGEST,
         private_key(2048).sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256()), False),
    ]  # fmt: skip


@pytest.mark.parametrize("case", cases(), ids=lambda case: case[0])
def test_verify_accepts_and_refuses(case: tuple[str, bytes, bytes, bytes, bool]) -> None:
    _, key, digest, signature, accepted = case
    assert rsa_pss.verify(key, digest, signature) is accepted


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=100), st.integers(0, 222))
def test_what_cryptography_signs_verifies(message: bytes, salt: int) -> None:
    key = info(private_key(2048).public_key())
    signature = sign(2048, salt, message)
    assert rsa_pss.verify(key, hashlib.sha256(message).digest(), signature)
    assert not rsa_pss.verify(key, hashlib.sha256(message + b"x").digest(), signature)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8 * 256 - 1))
def test_one_flipped_bit_is_refused(bit: int) -> None:
    signature = bytearray(sign(2048, 32))
    signature[bit // 8] ^= 1 << bit % 8
    assert not rsa_pss.verify(info(private_key(2048).public_key()), DIGEST, bytes(signature))


ODD = (1 << 2047) + 1
REFUSED_KEYS = [
    ("2047 bits", made_info((1 << 2046) + 1, 65537)),
    ("4097 bits", made_info((1 << 4096) + 1, 65537)),
    ("even modulus", made_info(1 << 2047, 65537)),
    ("exponent 1", made_info(ODD, 1)),
    ("even exponent", made_info(ODD, 65536)),
    ("exponent of 33 bits", made_info(ODD, (1 << 32) + 1)),
    ("another algorithm", made_info(ODD, 65537, oid=OID_RSA[:-1] + b"\x0a")),
    ("no parameters", made_info(ODD, 65537, parameters=b"")),
    ("other parameters", made_info(ODD, 65537, parameters=b"\x05\x01x")),
    ("a third number", made_info(ODD, 65537, tail=der.integer(7))),
    ("a byte after", made_info(ODD, 65537) + b"\0"),
    ("nothing", b""),
]


@pytest.mark.parametrize("key", [key for _, key in REFUSED_KEYS], ids=[name for name, _ in REFUSED_KEYS])
def test_a_key_out_of_bounds_is_refused(key: bytes) -> None:
    with pytest.raises(CryptoError):
        rsa_pss.public_numbers(key)
    assert not rsa_pss.verify(key, DIGEST, bytes(256))


@pytest.mark.parametrize("exponent", [3, 65537, (1 << 32) - 1])
def test_a_key_in_bounds_is_read(exponent: int) -> None:
    assert rsa_pss.public_numbers(made_info(ODD, exponent)) == (ODD, exponent)


SCRIPT = """
import json, sys
from binascii import unhexlify
from adapter.crypto import rsa_pss
cases = json.loads(sys.stdin.read())
print(json.dumps([rsa_pss.verify(unhexlify(k), unhexlify(d), unhexlify(s)) for k, d, s in cases]))
"""


def test_micropython_answers_as_cpython_does(micropython: RunMicroPython) -> None:
    asked = [[part.hex() for part in case[1:4]] for case in cases()]
    found = json.loads(micropython(SCRIPT, stdin=json.dumps(asked), heap="192K"))
    assert found == [case[4] for case in cases()]
