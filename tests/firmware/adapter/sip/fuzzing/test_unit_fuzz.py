"""Done-when 6: mutated messages over UDP to the running MicroPython unit; in full by `make soak AREA=line`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.firmware.adapter.sip.fuzzing import unit_fuzz

SEED = 20261123
COUNT = 50_000


def test_50000_mutants_leave_the_running_unit_answering_and_its_heap_as_it_was(tmp_path: Path) -> None:
    assert unit_fuzz.fuzz(tmp_path / "board", SEED, COUNT) == []


def test_a_unit_that_is_gone_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with unit_fuzz.UnitFuzz(tmp_path / "board", SEED) as unit:
        monkeypatch.setattr(unit_fuzz, "_ANSWER_S", 0.2)
        unit.kill()
        assert "no answer to OPTIONS" in unit.run(10)[0]
