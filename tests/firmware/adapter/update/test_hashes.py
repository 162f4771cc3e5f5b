"""Which hashes count: every known one has to fit, and one of them has to be there."""

from __future__ import annotations

import hashlib
import json

import pytest

from adapter.update.errors import HashError, MismatchError
from adapter.update.hashes import HashCheck, of_hex, sha256_of
from adapter.update.strict_json import Value, parse
from tests.conftest import RunMicroPython

DATA = b"the file's bytes"
SHA256, SHA512 = (hashlib.new(name, DATA).hexdigest() for name in ("sha256", "sha512"))


def hashes(**listed: str) -> Value:
    return parse(json.dumps(listed).encode())


def check(listed: Value, data: bytes) -> None:
    found = HashCheck(listed)
    for byte in data:
        found.update(bytes((byte,)))
    found.check("the file")


@pytest.mark.parametrize(
    "listed", [{"sha256": SHA256}, {"sha512": SHA512}, {"sha256": SHA256, "sha512": SHA512, "md5": "00"}]
)
def test_the_bytes_that_were_meant_pass(listed: dict[str, str]) -> None:
    check(hashes(**listed), DATA)
    with pytest.raises(HashError, match="the file is not"):
        check(hashes(**listed), DATA + b"x")


@pytest.mark.parametrize("wrong", ["sha256", "sha512"])
def test_one_hash_that_does_not_fit_is_enough_to_refuse(wrong: str) -> None:
    listed = {"sha256": SHA256, "sha512": SHA512}
    listed[wrong] = ("0" if listed[wrong][0] != "0" else "1") + listed[wrong][1:]
    with pytest.raises(HashError):
        check(hashes(**listed), DATA)


@pytest.mark.parametrize(
    "listed", [{}, {"blake3": SHA256}, {"sha256": SHA256[:-2]}, {"sha256": "x" * 64}, {"sha512": SHA256}]
)
def test_hashes_that_say_nothing_are_refused(listed: dict[str, str]) -> None:
    with pytest.raises(MismatchError):
        HashCheck(hashes(**listed))


def test_an_image_is_named_by_its_sha256_alone() -> None:
    assert sha256_of(hashes(sha256=SHA256, sha512=SHA512)).hex() == SHA256
    with pytest.raises(MismatchError, match="lacks 'sha256'"):
        sha256_of(hashes(sha512=SHA512))


def test_hexadecimal_digits_mean_the_same_to_both_runtimes(micropython: RunMicroPython) -> None:
    texts = ["", "ab", "ABcd", "a", "abc", "ab cd", " abcd", "abcd\n", "ab\tcd\t", "zz", "0x12", "\u0661\u0662"]
    script = f"from adapter.update.hashes import of_hex\nprint([of_hex(text) for text in {texts!a}])"
    expected = [b"", b"\xab", b"\xab\xcd", *[b""] * 9]
    assert [of_hex(text) for text in texts] == expected
    assert micropython(script).strip() == repr(expected)
