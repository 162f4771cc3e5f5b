"""The stand-in against FIPS 197, `cryptography` and MicroPython's own."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import RunMicroPython
from tests.firmware.aes_stand_in import aes

KEY, BLOCK = bytes.fromhex("000102030405060708090a0b0c0d0e0f"), bytes.fromhex("00112233445566778899aabbccddeeff")


def test_it_encrypts_the_example_of_fips_197() -> None:
    assert aes(KEY, 1).encrypt(BLOCK).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=16, max_size=16), st.integers(0, 4), st.randoms())
def test_it_encrypts_as_cryptography_does(key: bytes, blocks: int, chance: object) -> None:
    data = chance.randbytes(16 * blocks)  # type: ignore[attr-defined]
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    expected = encryptor.update(data) + encryptor.finalize()
    out = bytearray(len(data))
    assert aes(key, 1).encrypt(data) == expected
    assert aes(key, 1).encrypt(data, out) is out
    assert out == expected


def test_micropythons_own_does_the_same(micropython: RunMicroPython) -> None:
    printed = micropython(
        f"from cryptolib import aes\nout = bytearray(32)\naes({KEY!r}, 1).encrypt({BLOCK * 2!r}, out)\nprint(out.hex())"
    )
    assert printed.strip() == aes(KEY, 1).encrypt(BLOCK * 2).hex()


@pytest.mark.parametrize(("key", "mode", "data"), [(KEY, 2, BLOCK), (KEY[1:], 1, BLOCK), (KEY, 1, BLOCK[1:])])
def test_what_the_firmware_does_not_use_is_refused(key: bytes, mode: int, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        aes(key, mode).encrypt(data)
