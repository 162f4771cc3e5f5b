"""Two records in two halves: a cut at any byte leaves the last value or the new one."""

from pathlib import Path

import pytest

from adapter.errors import FlashError
from adapter.records import RecordPair
from tests.firmware.model_flash import CuttingFlash, PowerCutError


def test_an_erased_partition_holds_nothing(tmp_path: Path) -> None:
    assert RecordPair(CuttingFlash(tmp_path / "flash").partition("journal")).load() is None


def test_the_last_value_stored_is_loaded_again(tmp_path: Path) -> None:
    for value in (b"first", b"second" * 100, b"", b"fourth"):
        RecordPair(CuttingFlash(tmp_path / "flash").partition("journal")).store(value)
        assert RecordPair(CuttingFlash(tmp_path / "flash").partition("journal")).load() == value


@pytest.mark.parametrize("torn_share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("cut_at", range(3))
@pytest.mark.parametrize("stored_before", [1, 2, 3])
def test_a_torn_record_falls_back_to_the_other_one(
    tmp_path: Path, cut_at: int, torn_share: float, stored_before: int
) -> None:
    path = tmp_path / "flash"
    pair = RecordPair(CuttingFlash(path).partition("journal"))
    for count in range(stored_before):
        pair.store(b"value %d" % count)
    with pytest.raises(PowerCutError):
        RecordPair(CuttingFlash(path, cut_at, torn_share).partition("journal")).store(b"never whole")
    after = RecordPair(CuttingFlash(path).partition("journal"))
    assert after.load() == b"value %d" % (stored_before - 1)
    after.store(b"next")
    assert RecordPair(CuttingFlash(path).partition("journal")).load() == b"next"


def test_a_value_that_does_not_fit_is_refused_and_nothing_moves(tmp_path: Path) -> None:
    flash = CuttingFlash(tmp_path / "flash")
    pair = RecordPair(flash.partition("journal"))
    pair.store(b"kept")
    before = flash.operations
    with pytest.raises(FlashError, match="holds 4080 bytes, got 4081"):
        pair.store(bytes(4081))
    assert (pair.load(), flash.operations) == (b"kept", before)
