"""DER: what is written is read back, and nothing but the one encoding is read."""

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from adapter.crypto import der
from adapter.crypto.errors import CryptoError


@given(st.integers(0, 1 << 256), st.integers(0, 1 << 256))
def test_integers_are_written_as_the_host_writes_them(r: int, s: int) -> None:
    written = der.element(der.SEQUENCE, der.integer(r), der.integer(s))
    assert written == encode_dss_signature(r, s)
    inner = der.Reader(written).enter(der.SEQUENCE)
    assert (inner.integer(), inner.integer()) == (r, s)
    inner.end()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535])
def test_every_form_of_length_comes_back(size: int) -> None:
    written = der.element(der.OCTET_STRING, bytes(size))
    reader = der.Reader(written)
    assert reader.element(der.OCTET_STRING) == bytes(size)
    reader.end()


def test_what_is_too_long_or_negative_is_not_written() -> None:
    with pytest.raises(CryptoError, match="65536"):
        der.element(der.OCTET_STRING, bytes(65536))
    with pytest.raises(CryptoError, match="-1"):
        der.integer(-1)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("", "cut off"),
        ("04", "cut off"),
        ("0402aa", "cut off"),
        ("048101aa", "shortest"),
        ("048200ff" + "00" * 255, "shortest"),
        ("0483000001aa", "length"),
        ("0480aa0000", "length"),
        ("0501aa", "tag"),
    ],
)
def test_broken_elements_are_refused(data: str, fault: str) -> None:
    with pytest.raises(CryptoError, match=fault):
        der.Reader(bytes.fromhex(data)).element(der.OCTET_STRING)


@pytest.mark.parametrize("data", ["0200", "0201ff", "02020001", "020180"])
def test_odd_integers_are_refused(data: str) -> None:
    with pytest.raises(CryptoError, match="integer"):
        der.Reader(bytes.fromhex(data)).integer()


@given(st.binary(max_size=40))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        reader = der.Reader(data).enter(der.SEQUENCE)
        values = [reader.integer(), reader.integer()]
        reader.end()
    except CryptoError:
        return
    assert data.startswith(der.element(der.SEQUENCE, *map(der.integer, values)))
