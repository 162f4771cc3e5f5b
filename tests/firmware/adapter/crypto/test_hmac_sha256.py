"""HMAC-SHA-256 against the standard library, under both interpreters."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from adapter.crypto.hmac_sha256 import hmac_sha256
from tests.conftest import RunMicroPython


@given(st.binary(max_size=200), st.lists(st.binary(max_size=100), max_size=4))
def test_hmac_is_the_standard_librarys(key: bytes, parts: list[bytes]) -> None:
    assert hmac_sha256(key, *parts) == hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def test_micropython_computes_the_same(micropython: RunMicroPython) -> None:
    printed = micropython(
        "from binascii import hexlify\nfrom adapter.crypto.hmac_sha256 import hmac_sha256\n"
        "for n in (0, 1, 63, 64, 65, 200): print(hexlify(hmac_sha256(bytes(n), b'part', bytes(n))).decode())"
    )
    assert printed.split() == [hmac_sha256(bytes(n), b"part", bytes(n)).hex() for n in (0, 1, 63, 64, 65, 200)]
