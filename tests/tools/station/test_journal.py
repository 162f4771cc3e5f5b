"""The station's records are whole or as they were, and a full disk says so before a board is touched."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.station.errors import StationError
from tools.station.journal import Journal, check_room, write_whole

UID = "0102030405060708"


def test_record_is_found_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    stored = journal.store(journal.load(UID), serial="PT000000018", epoch=2, self_test=[{"test": "ram"}])
    assert Journal(tmp_path / "journal").load(UID) == stored


def test_full_disk_leaves_the_old_record_and_nothing_half_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    before = journal.store(journal.load(UID), serial="PT000000018")
    (tmp_path / f".{UID}.json.new").symlink_to("/dev/full")
    with pytest.raises(StationError, match=rf"cannot write .*{UID}\.json: No space left on device"):
        journal.store(before, epoch=1)
    assert journal.load(UID) == before
    assert [path.name for path in tmp_path.iterdir()] == [f"{UID}.json"]


def test_disk_that_is_about_to_be_full_is_found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(StationError, match="has 4096 bytes free, the station needs 1048576; make room"):
        check_room(tmp_path)


def test_damaged_record_is_named_and_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / f"{UID}.json").write_text('{"serial": "PT')
    with pytest.raises(StationError, match=rf"{UID}\.json is no record of this station .* move it away"):
        Journal(tmp_path).load(UID)


def test_only_one_station_works_on_a_board(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    refused = pytest.raises(StationError, match=f"another station process works on board {UID}")
    with journal.held(UID), refused, Journal(tmp_path).held(UID):
        pass
    with journal.held(UID):
        pass


def test_who_waits_for_a_board_gets_it_as_soon_as_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, held = Journal(tmp_path), ExitStack()
    held.enter_context(journal.held(UID))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            held.close()

    monkeypatch.setattr("tools.station.journal.time.sleep", wait)
    with journal.held(UID, 60.0):
        assert len(waited) == 3


def test_records_are_for_the_owner_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.store(journal.load(UID), claim_code="SECRET")
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "journal", tmp_path / "journal" / f"{UID}.json")]
    assert modes == [0o700, 0o600]


def test_file_is_replaced_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "label.png", b"old")
    write_whole(tmp_path / "label.png", b"new")
    assert (tmp_path / "label.png").read_bytes() == b"new"
