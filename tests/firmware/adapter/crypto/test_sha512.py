"""SHA-512 against the standard library, in any pieces, under both interpreters."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.crypto.sha512 import Sha512
from tests.conftest import RunMicroPython

# Around every length at which the last block is full, or the length no longer fits in it.
LENGTHS = [0, 1, 3, 110, 111, 112, 113, 127, 128, 129, 239, 240, 255, 256, 257, 1000]


def digest(pieces: list[bytes]) -> bytes:
    state = Sha512()
    for piece in pieces:
        state.update(piece)
    return state.digest()


def test_the_digest_of_abc_is_that_of_fips_180() -> None:
    assert digest([b"abc"]).hex().startswith("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a")


@pytest.mark.parametrize("length", LENGTHS)
def test_the_digest_of_any_length_is_the_standard_librarys(length: int) -> None:
    data = bytes(index * 7 & 0xFF for index in range(length))
    assert digest([data]) == hashlib.sha512(data).digest()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=6))
def test_how_the_bytes_come_in_does_not_matter(pieces: list[bytes]) -> None:
    assert digest(pieces) == hashlib.sha512(b"".join(pieces)).digest()


def test_what_was_handed_over_may_change_afterwards() -> None:
    buffer = bytearray(b"a" * 100)
    state = Sha512()
    state.update(memoryview(buffer))
    buffer[:] = b"b" * 100
    assert state.digest() == hashlib.sha512(b"a" * 100).digest()


SCRIPT = """
import json, sys
from binascii import hexlify
from adapter.crypto.sha512 import Sha512
for length in json.loads(sys.stdin.read()):
    state = Sha512()
    data = bytes([index * 7 & 0xFF for index in range(length)])
    for at in range(0, length, 100):
        state.update(memoryview(data)[at:at + 100])
    print(hexlify(state.digest()).decode())
"""


def test_micropython_agrees(micropython: RunMicroPython) -> None:
    printed = micropython(SCRIPT, stdin=json.dumps(LENGTHS)).split()
    assert printed == [hashlib.sha512(bytes(i * 7 & 0xFF for i in range(n))).hexdigest() for n in LENGTHS]
