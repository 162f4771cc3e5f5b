"""A bare board becomes a unit in stock, however often the station is cut, and never two units of one MAC."""

import io
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image as Picture

from protocol.wire.image import HEADER_BYTES, ImageHeader
from tests.tools.station.conftest import Bench
from tools.client import RefusedError
from tools.label import claim_code_sha256
from tools.release.build import build_image
from tools.station.errors import StationError, UnitError
from tools.station.flasher import Image
from tools.station.journal import Journal
from tools.station.provision import STEPS

LIMIT_S = 20.0


class CutError(BaseException):
    """The station's process ends here."""


def record_of(bench: Bench, uid: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((bench.folder / "journal" / f"{uid}.json").read_text())
    return found


def test_bare_board_becomes_a_unit_in_stock_that_plugs_itself_in(bench: Bench) -> None:
    board = bench.board()
    finished = bench.flash(board)
    (stock,) = bench.fleet.stocked.values()
    assert finished.serial in bench.fleet.stocked
    assert (stock["version"], stock["release_counter"], stock["label"]) == ("1.0.0", 1, finished.label.name)
    assert {row["result"] for row in stock["self_test"]} <= {"passed", "skipped"}
    assert board.wait(lambda pins: pins.boots >= 2 and pins.state not in ("", "factory"), LIMIT_S).version == "1.0.0"
    codes = {code.text for code in zxingcpp.read_barcodes(Picture.open(finished.label).convert("L"))}
    assert {finished.serial, finished.mac.replace(":", "")} < codes
    address, _, secret = next(text for text in codes if "#" in text).partition("#")
    assert address == "http://fleet.example/claim"
    assert claim_code_sha256(secret.partition("-")[2]) == stock["claim_code_sha256"]


def test_board_whose_chip_is_not_the_one_by_the_books_gets_no_certificate(bench: Bench) -> None:
    """Two records changed places: the one's serial number would go out on the other's board."""
    board = bench.board(1)

    def swapped(at: str, *_: int) -> None:
        if at == "certificate":
            bench.fleet.units[board.chip.board_uid.hex()]["board_uid"] = bytes(8).hex()

    with pytest.raises(
        RefusedError, match=r"is for '2\.5\.4\.5=0101010101010101,CN=PT000000018', expected .* on board 00000000"
    ):
        bench.flash(board, swapped)
    assert bench.fleet.certificates == {}


def test_claim_code_leaves_the_station_with_the_label(bench: Bench) -> None:
    finished = bench.flash(bench.board())
    assert record_of(bench, finished.board_uid)["claim_code"] == ""


@pytest.mark.parametrize("through", [False, True], ids=["begun", "done"])
@pytest.mark.parametrize("step", STEPS)
def test_station_cut_at_any_step_goes_on_from_there(bench: Bench, step: str, through: bool) -> None:
    def cut(at: str, done: int, total: int) -> None:
        if at == step and (done == total) == through:
            raise CutError

    board = bench.board()
    with pytest.raises(CutError):
        bench.flash(board, cut)
    finished = bench.flash(board)
    assert list(bench.fleet.stocked) == [finished.serial]
    assert len(bench.fleet.units) == 1
    text = zxingcpp.read_barcodes(Picture.open(io.BytesIO(finished.label.read_bytes())).convert("L"))
    code = next(each.text for each in text if "#" in each.text).rpartition("-")[2]
    assert claim_code_sha256(code) == bench.fleet.stocked[finished.serial]["claim_code_sha256"]


def test_power_cut_at_any_step_is_survived_too(bench: Bench) -> None:
    board = bench.board()
    for step in ("write", "key", "identity", "self-test"):

        def cut(at: str, done: int, total: int, step: str = step) -> None:
            if at == step and done:
                board.power_off()
                raise CutError

        board.power_on()
        try:
            bench.flash(board, cut)
        except CutError:
            board.power_on()
    finished = bench.flash(board)
    assert list(bench.fleet.stocked) == [finished.serial]


def test_board_whose_certificate_is_being_fetched_waits_for_it_and_takes_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The station's own upload has the board's record for a moment; that is no failure, and what it wrote counts."""

    def cut(at: str, *_: int) -> None:
        if at == "certificate":
            raise CutError

    board, journal = bench.board(), Journal(bench.folder / "journal")
    with pytest.raises(CutError):
        bench.flash(board, cut)
    uid, uploading = board.chip.board_uid.hex(), ExitStack()
    uploading.enter_context(journal.held(uid))

    def upload(_seconds: float) -> None:
        record = journal.load(uid)
        path = f"/v1/units/{record.serial}/certificate"
        _, blobs = bench.fleet.answer(path, {"csr": record.csr, "epoch": record.epoch})
        journal.store(record, blobs=blobs)
        uploading.close()

    answer, asked = bench.fleet.answer, list[str]()

    def counted(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked.append(path.rpartition("/")[2])
        return answer(path, body)

    monkeypatch.setattr("tools.station.journal.time.sleep", upload)
    with monkeypatch.context() as patched:
        patched.setattr(bench.fleet, "answer", counted)
        assert bench.flash(board).serial == "PT000000018"
    assert asked.count("certificate") == 1


def test_second_run_over_a_finished_unit_changes_nothing(bench: Bench) -> None:
    board = bench.board()
    first = bench.flash(board)
    before = first.label.read_bytes(), record_of(bench, first.board_uid)
    assert bench.flash(board) == first
    assert (first.label.read_bytes(), record_of(bench, first.board_uid)) == before


def test_two_boards_get_two_serial_numbers_and_two_macs(bench: Bench) -> None:
    units = [bench.flash(bench.board(number)) for number in (1, 2)]
    assert len({unit.serial for unit in units}) == len({unit.mac for unit in units}) == 2


def test_failed_self_test_keeps_the_unit_out_of_stock_until_it_is_mended(bench: Bench) -> None:
    board = bench.board()
    board.set_ethernet(False)
    with pytest.raises(UnitError, match=r"PT000000018 failed its self-test: the Ethernet port has no link .* plug in"):
        bench.flash(board)
    assert bench.fleet.stocked == {}
    board.set_ethernet(True)
    assert bench.flash(board).serial == "PT000000018"


def test_unit_taken_back_gets_a_new_epoch_key_and_claim_code(bench: Bench) -> None:
    board = bench.board()
    bench.flash(board)
    old = bench.fleet.stocked["PT000000018"]["claim_code_sha256"], bench.fleet.certificates["PT000000018"]
    board.power_off()
    board.hold_strap(True)
    board.power_on()
    board.hold_strap(False)
    again = bench.flash(board, new_epoch="came back from a customer")
    assert (again.serial, again.epoch) == ("PT000000018", 2)
    new = bench.fleet.stocked["PT000000018"]["claim_code_sha256"], bench.fleet.certificates["PT000000018"]
    assert new[0] != old[0]
    assert new[1][0] != old[1][0]


def test_board_that_lost_its_key_says_how_to_go_on(bench: Bench) -> None:
    board = bench.board()
    bench.flash(board)
    board.power_off()
    board.hold_strap(True)
    board.power_on()
    board.hold_strap(False)
    with pytest.raises(UnitError, match=r"PT000000018 is in_stock, nothing was done to it: .* --new-epoch"):
        bench.flash(board)
    assert bench.flash(board, new_epoch="key lost").epoch == 2


def test_unit_that_is_a_customers_by_the_books_is_not_done(bench: Bench) -> None:
    """It came back and nobody took it in: as `done` it would go to the shelf with its customer's data."""
    board = bench.board()
    finished = bench.flash(board)
    for custody in ("at_account", "returned", "scrapped"):
        bench.fleet.units[finished.board_uid]["custody"] = custody
        with pytest.raises(UnitError, match=f"PT000000018 is {custody}, nothing was done to it: .* return take-in"):
            bench.flash(board)


def test_flash_of_a_unit_in_stock_is_not_erased_unasked(bench: Bench) -> None:
    board, steps = bench.board(), set[str]()
    bench.flash(board)
    board.power_off()
    board.hold_strap(True)
    board.power_on()
    board.hold_strap(False)
    with pytest.raises(UnitError):
        bench.flash(board, lambda step, *_: steps.add(step))
    assert steps == {"find", "allocate"}


def test_locked_unit_of_another_station_is_left_alone(bench: Bench) -> None:
    board = bench.board()
    finished = bench.flash(board)
    (bench.folder / "journal" / f"{finished.board_uid}.json").unlink()
    with pytest.raises(UnitError, match="is locked and this station has no record of it"):
        bench.flash(board)


def test_image_for_another_board_is_refused_before_the_flash_is_erased(bench: Bench) -> None:
    header = ImageHeader.unpack(bench.image)
    header.board = "other"
    bench.image = header.pack(bench.image[HEADER_BYTES:]) + bench.image[HEADER_BYTES:]
    board = bench.board()
    with pytest.raises(StationError, match="image is for board other, this is simulated"):
        bench.flash(board)
    assert bench.fleet.units == {}
    assert set(board.folder.flash.read_bytes()) == {0xFF}


def test_damaged_image_is_refused(image: bytes) -> None:
    with pytest.raises(StationError, match=r"image 1\.0\.0 is damaged"):
        Image.parse(image[:-1])
    with pytest.raises(StationError, match="not an image"):
        Image.parse(b"\x7fELF" + image[4:])


def test_board_with_another_image_is_not_taken_for_this_one(bench: Bench, tmp_path: Path) -> None:
    board = bench.board()

    def cut(at: str, done: int, total: int) -> None:
        if at == "key":
            raise CutError

    with pytest.raises(CutError):
        bench.flash(board, cut)
    bench.image = build_image("simulated", "2.0.0", 2)
    with pytest.raises(UnitError, match=r"the board runs another image \(1\.0\.0\) than 2\.0\.0: hold its boot"):
        bench.flash(board)
    assert bench.fleet.certificates == {}


def test_full_disk_stops_the_station_before_the_board_is_touched(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.station.journal.FREE_BYTES", 1 << 60)
    board = bench.board()
    with pytest.raises(StationError, match="make room and run again"):
        bench.flash(board)
    assert bench.fleet.units == {}
    assert set(board.folder.flash.read_bytes()) == {0xFF}


def test_disk_that_fills_up_at_the_label_leaves_nothing_half_done(bench: Bench) -> None:
    board = bench.board()
    labels = bench.folder / "labels"
    labels.mkdir()
    (labels / ".PT000000018.png.new").symlink_to("/dev/full")
    with pytest.raises(StationError, match=r"cannot write .*PT000000018\.png: No space left on device"):
        bench.flash(board)
    assert list(labels.iterdir()) == []
    assert bench.fleet.stocked == {}
    finished = bench.flash(board)
    assert finished.label.exists()
    assert list(bench.fleet.stocked) == [finished.serial]
