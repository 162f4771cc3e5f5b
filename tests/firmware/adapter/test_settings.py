"""Settings in two banks: a trial leaves the confirmed image's alone, schemas go forward and back, no report is lost."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.reports import Reports
from adapter.settings import FLOOR_STEP_S, MAX_CONFIGURATION_BYTES, SCHEMA, STEPS, Settings, SettingsError
from protocol.host.vectors import greatest
from protocol.wire.messages import layout_of, pack, unpack
from tests.firmware.adapter.test_records import BLOCK_BYTES, BlockFlash
from tests.firmware.model_flash import CuttingFlash, PowerCutError
from tools.release.build import DATA_SCHEMA

OLD: tuple[Any, ...] = ()  # the steps of an image that knows schema 1 only
NEW = (*STEPS, (lambda added: added + b"new", lambda added: added[:-3]))  # and of one that knows schema 3
FLOOR_S = 1_795_388_154
CONFIGURATION = b"configuration"


def report(sequence: int) -> bytes:
    return pack("command_result", {"command_id": sequence, "result": 0, "detail": ""}, 7, sequence)


def waiting(settings: Settings) -> list[int]:
    return [unpack(message).sequence for message in Reports(settings).due(0, 99)]


@pytest.fixture
def flash() -> BlockFlash:
    """Room for a bank of two records of 24 blocks of 64 bytes each, twice."""
    return BlockFlash(96)


def bank(flash: BlockFlash, slot: int) -> bytes:
    half = flash.size // 2
    return bytes(flash.bytes[slot * half : (slot + 1) * half])


def filled(flash: BlockFlash, slot: int = 0, steps: Any = STEPS) -> Settings:
    settings = Settings(flash, slot, OLD if steps is OLD else STEPS)
    settings.raise_floor(FLOOR_S)
    if steps is not OLD:
        settings.keep_configuration(CONFIGURATION)
    settings = Settings(flash, slot, steps)
    Reports(settings).add(report(1))
    return settings


def test_the_schema_of_an_image_is_the_one_its_settings_have() -> None:
    assert SCHEMA == len(STEPS) + 1 == DATA_SCHEMA


def test_settings_outlive_a_restart_of_their_slot(flash: BlockFlash) -> None:
    filled(flash)
    again = Settings(flash, 0)
    assert (again.floor_s, again.configuration, waiting(again)) == (FLOOR_S, CONFIGURATION, [1])


def test_without_a_record_there_is_nothing_and_what_is_older_than_schemas_counts_as_nothing(flash: BlockFlash) -> None:
    for garbage in (b"", b"\x00" * 16):
        flash.program(0, garbage)
        empty = Settings(flash, 1)
        assert (empty.floor_s, empty.configuration, waiting(empty), empty.try_steps()) == (0, b"", [], True)


def test_a_trial_and_its_preparation_write_no_byte_of_the_confirmed_images_bank(flash: BlockFlash) -> None:
    confirmed = filled(flash)
    before = bank(flash, 0)
    confirmed.prepare(SCHEMA)
    trial = Settings(flash, 1)
    assert (trial.floor_s, trial.configuration, waiting(trial)) == (FLOOR_S, CONFIGURATION, [1])
    Reports(trial).add(report(2))
    trial.keep_configuration(b"other hours")
    trial.raise_floor(FLOOR_S + FLOOR_STEP_S)
    assert bank(flash, 0) == before
    back = Settings(flash, 0)
    assert (back.floor_s, back.configuration, waiting(back)) == (FLOOR_S, CONFIGURATION, [1])


@pytest.mark.parametrize(("of", "to"), [(OLD, STEPS), (STEPS, NEW), (OLD, NEW)])
def test_a_newer_image_brings_forward_what_the_older_one_left(flash: BlockFlash, of: Any, to: Any) -> None:
    filled(flash, 0, of).prepare(len(to) + 1)
    trial = Settings(flash, 1, to)
    assert trial.try_steps()
    assert (trial.floor_s, waiting(trial)) == (FLOOR_S, [1])
    assert trial.configuration == (b"" if of is OLD else CONFIGURATION)
    Reports(trial).add(report(2))
    assert waiting(Settings(flash, 1, to)) == [1, 2]


@pytest.mark.parametrize(("of", "to"), [(STEPS, OLD), (NEW, STEPS), (NEW, OLD)])
def test_the_running_image_goes_back_for_an_older_one(flash: BlockFlash, of: Any, to: Any) -> None:
    filled(flash, 0, of).prepare(len(to) + 1)
    older = Settings(flash, 1, to)
    assert (older.floor_s, waiting(older)) == (FLOOR_S, [1])
    assert older.configuration == (b"" if to is OLD else CONFIGURATION)
    assert bank(flash, 1)[16] == len(to) + 1  # the record's schema


def test_there_is_no_way_back_beyond_the_first_schema_and_nothing_is_written(flash: BlockFlash) -> None:
    settings = filled(flash)
    before = bytes(flash.bytes)
    with pytest.raises(SettingsError, match="schema 0 from 2; known: 1 to 2"):
        settings.prepare(0)
    assert bytes(flash.bytes) == before


def test_of_a_newer_schema_an_image_reads_what_is_the_same_in_all(flash: BlockFlash) -> None:
    filled(flash, 0, NEW)
    older = Settings(flash, 0)
    assert (older.floor_s, waiting(older), older.configuration) == (FLOOR_S, [1], b"")


def test_the_record_of_the_first_release_is_read(flash: BlockFlash) -> None:
    """It had no reports' count where none waited."""
    from adapter.records import RecordPair

    RecordPair(flash, 0, flash.size // 2).store(struct.pack(">BQ", 1, FLOOR_S))
    found = Settings(flash, 0)
    assert (found.floor_s, found.configuration, waiting(found), found.try_steps()) == (FLOOR_S, b"", [], True)


BROKEN = {
    "loses what was there": (lambda added: b"", lambda added: b""),
    "does not come back": (lambda added: added + b"!", lambda added: added),
    "comes back as another": (lambda added: added + b"!", lambda added: b"other"),
}


@pytest.mark.parametrize("step", BROKEN.values(), ids=BROKEN)
def test_a_step_that_loses_something_fails_the_trials_self_test(flash: BlockFlash, step: Any) -> None:
    filled(flash).prepare(3)
    assert not Settings(flash, 1, (*STEPS, step)).try_steps()


def test_a_step_is_tried_also_once_the_bank_is_brought_forward(flash: BlockFlash) -> None:
    steps = (*STEPS, BROKEN["does not come back"])
    filled(flash, 1, steps)
    assert not Settings(flash, 1, steps).try_steps()


def test_a_slot_without_a_bank_of_its_own_begins_with_the_other_ones(flash: BlockFlash) -> None:
    """The confirmed slot was found damaged, and the other one never ran."""
    filled(flash)
    found = Settings(flash, 1)
    assert (found.floor_s, found.configuration, waiting(found)) == (FLOOR_S, CONFIGURATION, [1])


def test_reports_of_a_trial_that_went_back_are_taken_over_once(flash: BlockFlash) -> None:
    confirmed = filled(flash)
    confirmed.prepare(SCHEMA)
    trial = Settings(flash, 1, NEW)
    Reports(trial).add(report(2))
    back = Settings(flash, 0)
    reports = Reports(back)
    reports.adopt(back.left_behind())
    back.forget_left_behind()
    assert waiting(Settings(flash, 0)) == [1, 2]
    reports.acknowledge(7, 2)
    again = Settings(flash, 0)
    before = bytes(flash.bytes)
    Reports(again).adopt(again.left_behind())
    again.forget_left_behind()
    assert (waiting(again), bytes(flash.bytes)) == ([1], before)
    assert Settings(flash, 1, NEW).configuration == CONFIGURATION


def test_a_configuration_is_written_only_if_it_is_another_one_that_fits(flash: BlockFlash) -> None:
    settings = filled(flash)
    before = bytes(flash.bytes)
    settings.keep_configuration(CONFIGURATION)
    settings.keep_configuration(bytes(MAX_CONFIGURATION_BYTES + 1))
    assert (bytes(flash.bytes), settings.configuration) == (before, CONFIGURATION)
    longest = pack("configuration", greatest(layout_of("configuration")[3]))
    settings.keep_configuration(longest)
    assert Settings(flash, 0).configuration == longest


def test_the_clocks_floor_is_written_at_most_once_a_day(flash: BlockFlash) -> None:
    settings = filled(flash)
    before = bytes(flash.bytes)
    for floor_s in (FLOOR_S, FLOOR_S + FLOOR_STEP_S - 1, 0):
        settings.raise_floor(floor_s)
    assert (bytes(flash.bytes), settings.floor_s) == (before, FLOOR_S)


@pytest.mark.parametrize("torn_share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("target", [1, 2])
def test_power_cut_anywhere_in_prepare_and_take_over_loses_no_report(
    tmp_path: Path, target: int, torn_share: float
) -> None:
    def life(flash: CuttingFlash) -> None:
        partition = flash.partition("settings")
        Settings(partition, 0).prepare(target)
        Reports(Settings(partition, 1, STEPS[: target - 1])).add(report(2))
        back = Settings(partition, 0)
        Reports(back).adopt(back.left_behind())
        back.forget_left_behind()

    cuts = 0
    while True:
        path = tmp_path / f"{cuts}.bin"
        partition = CuttingFlash(path).partition("settings")
        kept = Settings(partition, 0)
        Reports(kept).add(report(1))
        kept.keep_configuration(CONFIGURATION)
        flash, cut = CuttingFlash(path, cuts, torn_share), True
        with contextlib.suppress(PowerCutError):
            life(flash)
            cut = False
        found = Settings(CuttingFlash(path).partition("settings"), 0)
        reports = Reports(found)
        reports.adopt(found.left_behind())
        assert found.configuration == CONFIGURATION
        sequences = [unpack(message).sequence for message in reports.due(0, 99)]
        assert sequences[0] == 1
        if not cut:
            assert (sequences, cuts) == ([1, 2], flash.operations)
            break
        cuts += 1


messages = st.lists(st.integers(1, 99), max_size=4, unique=True)


@given(first=messages, second=messages, hops=st.lists(st.sampled_from([OLD, STEPS, NEW]), min_size=1, max_size=6))
def test_reports_and_floor_pass_through_any_chain_of_images(first: list[int], second: list[int], hops: Any) -> None:
    flash = BlockFlash(16 * 1024 // BLOCK_BYTES)
    settings = Settings(flash, 0)
    settings.raise_floor(FLOOR_S)
    for sequence in first:
        Reports(settings).add(report(sequence))
    for hop, steps in enumerate(hops):
        settings.prepare(len(steps) + 1)
        settings = Settings(flash, (hop + 1) % 2, steps)
        assert settings.try_steps()
    for sequence in second:
        if sequence not in first:
            Reports(settings).add(report(sequence))
    assert set(waiting(settings)) == set(first) | set(second)
    assert settings.floor_s == FLOOR_S
