"""A sealed secret opens with its key, in its row, and nowhere else; the key is made once, for its owner alone."""

from __future__ import annotations

from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.store.sealing import KEY_BYTES, KEY_FILE, Seal, SealError, load_seal

SEAL = Seal(bytes(range(KEY_BYTES)))


@given(st.text(), st.text())
def test_what_was_sealed_is_opened(secret: str, of: str) -> None:
    sealed = SEAL.close(secret, of)
    assert SEAL.open(sealed, of) == secret
    assert SEAL.close(secret, of) != sealed, "the same secret never looks the same"


@given(st.integers(min_value=0), st.integers(0, 7))
def test_a_bit_changed_anywhere_is_seen(at: int, bit: int) -> None:
    sealed = bytearray(SEAL.close("a secret", "a row"))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(SealError, match=KEY_FILE):
        SEAL.open(bytes(sealed), "a row")


def test_a_secret_does_not_open_in_another_row_or_under_another_key() -> None:
    sealed, other = SEAL.close("a secret", "a row"), Seal(bytes(KEY_BYTES))
    for seal, of in ((SEAL, "another row"), (other, "a row")):
        with pytest.raises(SealError, match="restore the key"):
            seal.open(sealed, of)
    assert SEAL.id != other.id


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(12), bytes(28)])
def test_what_was_never_sealed_is_refused(sealed: bytes) -> None:
    with pytest.raises(SealError):
        SEAL.open(sealed, "a row")


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    with ThreadPool(8) as pool:
        ids = {seal.id for seal in pool.map(load_seal, [tmp_path] * 16)}
    assert len(ids) == 1
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_that_was_cut_off_is_not_made_anew(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(bytes(KEY_BYTES - 1))
    with pytest.raises(SealError, match="31 bytes"):
        load_seal(tmp_path)
