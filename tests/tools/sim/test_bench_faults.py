"""Each part of a simulated board can be broken, and its self-test says so, by code; mended, it passes again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import serial

from adapter.identity import BENCH, PROVISIONED, IdentityStore
from protocol.host.findings import FINDINGS, MEASURED, finding_of, told
from protocol.wire.link_enumerations import SELF_TEST_RESULTS, SELF_TESTS
from protocol.wire.link_layouts import BIAS
from tests.firmware.model_flash import CuttingFlash
from tests.usb_door.doors import identity_of
from tools.release.build import build_image, initial_boot_record
from tools.sim.board import SimBoard
from tools.station.link import UnitLink

START_S = 20.0
FAULTS = {
    "ram_stuck": ("ram", 77),
    "flash_not_erased": ("flash", "erase"),
    "flash_not_programmed": ("flash", "program"),
    "led_shorted": ("led", True),
    "clock_stopped": ("clock", "stopped"),
    "clock_leaps": ("clock", "leaps"),
    "mac_not_taken": ("mac", True),
    "entropy_stuck": ("entropy", "stuck"),
    "entropy_biased": ("entropy", "biased"),
    "line_silent": ("line", "open"),
    "line_noisy": ("line", "noisy"),
    "line_weak": ("line_gain", -35),
    "line_loud": ("line_gain", 35),
    "ring_none": ("ring", 0),
    "ring_low": ("ring", 35),
    "ring_high": ("ring", 95),
    "ring_no_trip": ("ring_trip", False),
}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimBoard]:
    """Provisioned, not locked yet."""
    folder = tmp_path_factory.mktemp("faults")
    with SimBoard.create(folder / "board", hardware_revision=2) as made:
        flash, image = CuttingFlash(made.folder.flash), build_image("simulated", "1.0.0", 1)
        locked = identity_of(folder / "pki")
        fresh = locked.but(stage=PROVISIONED, blobs=[*locked.blobs[:BENCH], b""])  # with those it would have been reset
        IdentityStore(flash.partition("identity")).store(fresh)
        flash.partition("slot_a").program(0, image)
        flash.partition("boot_record").program(0, initial_boot_record(image))
        made.power_on()
        made.wait(lambda pins: pins.state == "factory", START_S)
        yield made


@pytest.fixture(scope="module")
def link(board: SimBoard) -> Iterator[UnitLink]:
    with serial.Serial(str(board.usb)) as port:
        yield UnitLink(port)


def failures(link: UnitLink) -> dict[str, tuple[int, int]]:
    """(code, value) of each test that failed."""
    report = link.ask("run_self_test", {}, "self_test_report")
    rows = zip(report["tests"], report["codes"], strict=True)
    return {
        SELF_TESTS[row["test"]]: (code["code"], row["value"])
        for row, code in rows
        if SELF_TEST_RESULTS[row["result"]] == "failed"
    }


def test_a_sound_board_passes_every_test(link: UnitLink) -> None:
    report = link.ask("run_self_test", {}, "self_test_report")
    assert [SELF_TEST_RESULTS[row["result"]] for row in report["tests"]] == ["passed"] * len(SELF_TESTS)
    values = {SELF_TESTS[row["test"]]: row["value"] for row in report["tests"]}
    assert (values["line"], values["ring"]) == (130, 65)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_part_is_found_and_named(board: SimBoard, link: UnitLink, name: str) -> None:
    fault, value = FAULTS[name]
    board.set_fault(fault, value)
    ((test, (code, measured)),) = failures(link).items()
    board.set_fault(fault, None)
    assert finding_of(test, code).name == name
    assert finding_of(test, code).remedy in told(test, code, measured)
    assert failures(link) == {}


def test_an_ethernet_cable_that_is_out_is_found(board: SimBoard, link: UnitLink) -> None:
    board.set_ethernet(False)
    assert failures(link) == {"ethernet": (1, 0)}
    board.set_ethernet(True)
    assert failures(link) == {}


@pytest.mark.parametrize("tenths", [-25, -7, 0, 4, 25])
def test_calibration_measures_what_the_line_adds_and_makes_it_good(
    board: SimBoard, link: UnitLink, tenths: int
) -> None:
    board.set_fault("line_gain", tenths)
    found = link.ask("calibrate", {"clock_ppm": BIAS + 3}, "calibration")
    board.set_fault("line_gain", None)
    assert (found["line_gain"] - BIAS, found["clock_ppm"] - BIAS) == (-tenths, 3)


def test_a_unit_that_failed_cannot_be_locked_until_it_passes(board: SimBoard, link: UnitLink) -> None:
    board.set_fault("ring", 0)
    assert failures(link)
    with pytest.raises(Exception, match="only a unit that has passed its self-test"):
        link.ask("lock", {})
    board.set_fault("ring", None)


def test_a_bad_cable_is_found_in_the_start_in_which_it_was_bad(board: SimBoard, link: UnitLink) -> None:
    board.set_fault("usb", 41)
    for _ in range(20):
        link._ask_once("hello", {}, 0.05)
    board.set_fault("usb", None)
    link.find()
    ((test, (code, damaged)),) = failures(link).items()
    assert finding_of(test, code).name == "usb_damaged"
    assert damaged > 3
    link.ask("restart", {})
    board.wait(lambda pins: pins.boots == 2 and pins.state == "factory", START_S)
    link.find()
    assert failures(link) == {}


def test_every_finding_of_the_unit_is_seen_here_or_in_the_tests_of_its_parts() -> None:
    elsewhere: dict[str, Any] = {
        "ethernet_no_link": 1,
        "usb_damaged": 1,
        "usb_not_read": 1,
        "mac_not_unique": 1,
        "clock_off": 1,
    }
    assert {finding.name for finding in FINDINGS.values()} == FAULTS.keys() | elsewhere.keys()
    assert MEASURED.keys() == set(SELF_TESTS) == {test for test, _ in FINDINGS}
