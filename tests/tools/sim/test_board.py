"""The simulated board as a whole: real processes, a real pseudo-terminal, a real MicroPython."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from protocol.wire.enumerations import UPDATE_REASONS
from protocol.wire.image import HEADER_BYTES, ImageHeader
from protocol.wire.link_enumerations import LINK_MODES
from tests.tools.sim.scenario import BOARD, FAILING, LIMIT_S, UPDATER, ask, flash, image_of, reports, running
from tools.release.build import build_image
from tools.sim.board import SimBoard, SimulationError

UID = bytes(range(8))


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SimBoard]:
    with SimBoard.create(tmp_path / "board", board_uid=UID) as created:
        yield created


def corrupt(board: SimBoard, partition: str, at: int) -> None:
    """Flips a bit of the flash while the power is off."""
    with board.folder.flash.open("r+b") as file:
        file.seek(BOARD.flash.partitions[partition].offset + at)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_a_bare_board_is_flashed_boots_micropython_and_answers_hello(board: SimBoard) -> None:
    image = build_image("simulated", "1.2.3", 1)
    running(board, image)
    pins = board.wait(lambda seen: bool(seen.state), LIMIT_S)
    with serial.Serial(str(board.usb), timeout=LIMIT_S) as port:
        hello = ask(port, "hello")
    assert (hello["board_uid"], hello["version"], LINK_MODES[hello["mode"]]) == (UID, "1.2.3", "factory")
    assert (pins.runtime, pins.slot, pins.version, pins.image_bytes) == ("micropython", 0, "1.2.3", len(image))
    # 256 KB, less 32 KB for the one TLS connection at a time; a little of it is the allocator's own.
    assert 0.97 * 224 * 1024 < pins.heap_bytes <= 224 * 1024
    assert pins.boot_ms is not None
    assert pins.boot_ms < 1000


def test_a_folder_stays_the_board_it_is(board: SimBoard) -> None:
    assert SimBoard.create(board.folder.path, board_uid=UID).chip == board.chip
    with pytest.raises(SimulationError, match="another board already"):
        SimBoard.create(board.folder.path, board_uid=bytes(8))
    with pytest.raises(SimulationError, match="no simulated board"):
        SimBoard(board.folder.path.parent)
    with pytest.raises(SimulationError, match="8 bytes, got 3"):
        SimBoard.create(board.folder.path.parent / "new", board_uid=b"abc")


def test_kill_9_at_random_points_of_staging_boots_a_whole_image_and_the_update_ends(
    board: SimBoard, tmp_path: Path
) -> None:
    old = image_of(tmp_path, UPDATER)
    new = image_of(tmp_path, UPDATER, "2.0.0", 2)
    (board.folder.path / "next.img").write_bytes(new)
    moments = random.Random(20261122)
    running(board, old)
    for boots in range(1, 9):
        least = moments.randrange(len(new))
        board.wait(lambda pins: pins.boots >= boots and pins.more.get("written", 0) >= least, LIMIT_S)  # noqa: B023
        board.kill_unit()
        pins = board.wait(lambda pins: pins.boots > boots and bool(pins.version), LIMIT_S)  # noqa: B023
        assert pins.mode == "unit"
        if pins.version == "2.0.0":
            break
    assert board.wait(reports(state="ready"), LIMIT_S).version == "2.0.0"
    board.power_off()
    board.power_on()
    assert board.wait(reports(state="ready"), LIMIT_S).slot == 1


def test_a_flipped_bit_in_the_slot_falls_back_to_the_other_one_then_to_the_loader(
    board: SimBoard, tmp_path: Path
) -> None:
    (board.folder.path / "next.img").write_bytes(image_of(tmp_path, UPDATER, "2.0.0", 2))
    running(board, image_of(tmp_path, UPDATER))
    board.wait(reports(state="ready", version="2.0.0"), LIMIT_S)
    board.power_off()
    corrupt(board, "slot_b", 20000)
    board.power_on()
    assert board.wait(lambda pins: bool(pins.version), LIMIT_S).slot == 0
    board.power_off()
    corrupt(board, "slot_a", 20000)
    corrupt(board, "slot_b", 30000)
    board.power_on()
    assert board.wait(reports(mode="loader"), LIMIT_S).led == "no_image"
    assert "fails its hash" in board.folder.log.read_text()
    flash(board, build_image("simulated", "3.0.0", 3))
    assert board.wait(lambda pins: bool(pins.version), LIMIT_S).version == "3.0.0"


def test_an_image_that_crashes_on_trial_goes_back_by_itself(board: SimBoard, tmp_path: Path) -> None:
    (board.folder.path / "next.img").write_bytes(image_of(tmp_path, FAILING, "2.0.0", 2))
    running(board, image_of(tmp_path, UPDATER))
    pins = board.wait(reports(state="ready"), LIMIT_S)
    assert (pins.version, pins.slot, pins.boot_reason, pins.boots) == ("1.0.0", 0, "update_revert", 3)
    assert UPDATE_REASONS[pins.more["revert_reason"]] == "crash"
    assert "broken on purpose" in board.folder.log.read_text()


def test_a_unit_that_stops_feeding_its_watchdog_is_reset(board: SimBoard, tmp_path: Path) -> None:
    stuck = "import time\ndef run(handover):\n    time.sleep(0 if handover.boot_reason == 2 else 60)\n"
    running(board, image_of(tmp_path, stuck))
    pins = board.wait(lambda seen: seen.boots == 2 and bool(seen.boot_reason), BOARD.watchdog_ms / 1000 + LIMIT_S)
    assert (pins.reset_cause, pins.boot_reason) == ("watchdog", "watchdog")


def test_an_image_for_another_board_is_refused(board: SimBoard) -> None:
    image = bytearray(build_image("simulated", "1.0.0", 1))
    header = ImageHeader.unpack(image)
    header.board = "other"
    running(board, bytes(header.pack(bytes(image[HEADER_BYTES:]))) + bytes(image[HEADER_BYTES:]))
    assert board.wait(reports(mode="loader"), LIMIT_S).led == "no_image"
    assert "image is for board other" in board.folder.log.read_text()


def test_a_locked_units_identity_is_sealed_and_the_link_answers_hello_only(board: SimBoard, tmp_path: Path) -> None:
    main = """
import time
def run(handover):
    from adapter.identity import LOCKED, Identity, IdentityStore
    from protocol.wire.mac import MacAddress
    store = IdentityStore(handover.flash.partition("identity"))
    try:
        mac, key, point = MacAddress(bytes(6)), bytes(32), bytes(65)
        store.store(Identity(LOCKED, 1, 1, mac, "US", "PT000000018", "simulated", key, point))
        handover.pins.report({"state": "written"})
    except OSError as error:
        handover.pins.report({"state": str(error)})
    time.sleep(60)
"""
    running(board, image_of(tmp_path, main))
    assert board.wait(lambda pins: bool(pins.state), LIMIT_S).state == "written"
    board.kill_unit()
    pins = board.wait(lambda seen: seen.boots == 2 and bool(seen.state), LIMIT_S)
    assert "identity is sealed" in pins.state


def test_the_boot_button_held_at_power_on_gives_the_loader(board: SimBoard, tmp_path: Path) -> None:
    running(board, build_image("simulated", "1.0.0", 1))
    board.wait(reports(state="factory"), LIMIT_S)
    board.power_off()
    board.hold_strap(True)
    board.power_on()
    assert board.pins().mode == "loader"
    board.power_off()
    board.hold_strap(False)
    board.power_on()
    board.wait(reports(state="factory"), LIMIT_S)


def test_cutting_the_power_ends_the_unit_and_everything_observable(board: SimBoard) -> None:
    running(board, build_image("simulated", "1.0.0", 1))
    pid = board.wait(reports(state="factory"), LIMIT_S).pid
    board.power_off()
    assert not is_alive(pid)
    assert (board.pins().mode, board.powered) == ("off", False)
    with pytest.raises(SimulationError, match="is off"):
        board.kill_unit()


@pytest.mark.parametrize("victim", ["owner", "launcher"])
def test_no_process_outlives_its_owner(board: SimBoard, tmp_path: Path, victim: str) -> None:
    # A main that looks at nothing, so that no closed pipe ends it.
    idle = 'import time\ndef run(handover):\n    handover.pins.report({"state": "idle"})\n    time.sleep(60)\n'
    running(board, image_of(tmp_path, idle))
    board.wait(reports(state="idle"), LIMIT_S)
    board.power_off()
    script = (
        "import sys, os; from pathlib import Path; from tools.sim.board import SimBoard\n"
        "b = SimBoard(Path(sys.argv[1])); b.power_on(); p = b.wait(lambda p: p.state == 'idle', 20)\n"
        "print(b._launcher.pid, p.pid, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(board.folder.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        launcher, unit = map(int, owner.stdout.readline().split())  # type: ignore[union-attr]
        assert is_alive(unit)
        ends = [os.pidfd_open(unit), os.pidfd_open(launcher)]
        os.kill(owner.pid if victim == "owner" else launcher, signal.SIGKILL)
        deadline = time.monotonic() + LIMIT_S
        for descriptor in ends:
            os.set_blocking(descriptor, False)
            assert select.select([descriptor], [], [], max(0, deadline - time.monotonic()))[0]
            os.close(descriptor)
        owner.kill()


def test_the_cable_is_what_the_unit_sees_of_ethernet(board: SimBoard, tmp_path: Path) -> None:
    main = """
import time
from ports.unix.board import Board
def run(handover):
    board = Board(handover)
    while True:
        board.pins.report({"state": "%s,%s" % (board.ethernet_up(), board.address())})
        board.feed_watchdog()
        time.sleep_ms(10)
"""
    running(board, image_of(tmp_path, main))
    board.wait(reports(state="True,127.0.0.1"), LIMIT_S)
    board.set_ethernet(False)
    assert board.wait(reports(state="False,"), LIMIT_S).ethernet == "down"


def test_waiting_in_vain_says_what_was_seen_last(board: SimBoard) -> None:
    board.power_on()
    with pytest.raises(SimulationError, match=r"did not get there in time; last seen: .*mode='loader'"):
        board.wait(reports(state="ready"), 0.1)
