"""A rig with a dead switch or a crossed port says so before the first test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from boards import catalogue
from hil_tests.rig.bench import Place
from hil_tests.rig.errors import WiringError
from hil_tests.rig.hand import Hand
from hil_tests.rig.proof import prove
from hil_tests.rig.switches import SimulatedPower
from tools.release.build import build_image
from tools.sim.board import SimBoard
from tools.station.flasher import SimulatedFlasher
from tools.station.watch import opened

ROOT = Path(__file__).parents[2]
SESSION_LIMIT_S = 120
WRONG_RIG_STATUS = 3
UIDS = (b"\x01" * 8, b"\x02" * 8)


class DeadSwitch:
    """Its relay is stuck, and it does not know."""

    def __init__(self) -> None:
        self._on = True

    def on(self) -> None:
        self._on = True

    def off(self) -> None:
        self._on = False

    def is_on(self) -> bool:
        return self._on


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimBoard, SimBoard]]:
    """Two boards side by side, in factory mode."""
    image = build_image("simulated", "1.0.0", 1)
    folder = tmp_path_factory.mktemp("boards")
    one, other = (SimBoard.create(folder / uid.hex()[:2], board_uid=uid) for uid in UIDS)
    with one, other:
        for board in (one, other):
            board.power_on()
            with opened(board.usb) as port:
                flasher = SimulatedFlasher(port)
                flasher.write(catalogue.load("simulated"), image, lambda done, total: None)
                flasher.run()
            board.wait(lambda pins: pins.state == "factory", 20)
        yield one, other


def _hand(port_of: SimBoard, power: object, folder: Path, uid: bytes = UIDS[0]) -> Hand:
    hand = Hand(Place(board="simulated", port=str(port_of.usb), uid=uid.hex()), folder)
    hand.power = power  # type: ignore[assignment]
    return hand


def test_a_sound_rig_passes(boards: tuple[SimBoard, SimBoard], tmp_path: Path) -> None:
    one, _ = boards
    one.power_on()
    prove(_hand(one, SimulatedPower(one), tmp_path))
    assert one.powered


def test_a_dead_switch_is_found(boards: tuple[SimBoard, SimBoard], tmp_path: Path) -> None:
    one, _ = boards
    one.power_on()
    with pytest.raises(WiringError, match=f"still answers .*board {UIDS[0].hex()}.* the switch is dead"):
        prove(_hand(one, DeadSwitch(), tmp_path))


def test_the_switch_of_another_board_is_found(boards: tuple[SimBoard, SimBoard], tmp_path: Path) -> None:
    one, other = boards
    one.power_on()
    with pytest.raises(WiringError, match="another board's"):
        prove(_hand(one, SimulatedPower(other), tmp_path))
    assert one.powered, "our board stayed on, which is what gave it away"


def test_the_port_and_the_switch_of_another_board_are_found_by_its_uid(
    boards: tuple[SimBoard, SimBoard], tmp_path: Path
) -> None:
    _, other = boards
    other.power_on()
    with pytest.raises(WiringError, match=f"board {UIDS[1].hex()} answers .* not {UIDS[0].hex()}: .*crossed"):
        prove(_hand(other, SimulatedPower(other), tmp_path))


def test_the_session_ends_before_its_first_test(boards: tuple[SimBoard, SimBoard], tmp_path: Path) -> None:
    one, _ = boards
    one.power_on()
    bench = tmp_path / "dead.toml"
    bench.write_text(
        f'name = "dead"\n[[place]]\nboard = "simulated"\nport = "{one.usb}"\n'
        '[place.power]\non = ["true"]\noff = ["true"]\nstate = ["echo", "unknown"]\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "hil_tests", "--bench", str(bench)],
        cwd=ROOT, capture_output=True, text=True, timeout=SESSION_LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == WRONG_RIG_STATUS, done.stdout[-2000:] + done.stderr[-2000:]
    assert "the rig is not to be trusted" in done.stdout
    assert "the switch is dead" in done.stdout
    assert " passed" not in done.stdout
