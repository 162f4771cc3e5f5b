"""Real units still say what the golden traces have; `python -m tests.real_units.record` makes those anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real_units import traces
from tests.real_units.stage import RealUnit, opened
from tests.real_units.stories import STORIES
from tests.real_units.traces import Telling

PLAYED = ("clean", "crash")


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealUnit]:
    with opened(tmp_path_factory.mktemp("stage")) as stage:
        yield stage.unit()


@pytest.mark.parametrize("name", PLAYED)
def test_a_real_unit_says_what_its_golden_trace_has(unit: RealUnit, name: str) -> None:
    telling = Telling(unit)
    unit.start_anew()
    STORIES[name](unit, telling)
    assert traces.outline(telling.trace()) == traces.outline(traces.load()[name])


def test_there_is_a_golden_trace_of_each_story() -> None:
    assert list(traces.load()) == list(STORIES)
