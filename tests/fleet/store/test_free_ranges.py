"""Free ranges against a plain set of numbers: what is taken was free, what returns is free again, runs stay whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

import fleet.store.tables  # noqa: F401 - declares every table
from fleet.domain.access import Role
from fleet.store.base import make_engine
from fleet.store.free_ranges import FreeRanges, Range, runs
from fleet.store.tables.inventory import free_ranges
from fleet.store.unit_of_work import Transactions
from tests.fleet.conftest import Clock, someone

FIRST, SIZE, SPACE = 100, 30, 1
NUMBERS = st.integers(FIRST - 3, FIRST + SIZE + 3)
STEPS = st.lists(st.tuples(st.sampled_from(["take", "exactly", "back"]), NUMBERS, st.integers(1, 6)), max_size=25)


@contextmanager
def opened(engine: Engine) -> Iterator[FreeRanges]:
    with Transactions(engine, Clock()).begin(someone(Role.ADMIN)) as uow:
        yield FreeRanges(uow)
        uow.commit()


def lowest(free: set[int], size: int) -> int | None:
    return min((n for n in free if free >= set(range(n, n + size))), default=None)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_ranges_are_a_set_of_numbers(steps: list[tuple[str, int, int]]) -> None:
    engine = make_engine("sqlite://")
    free_ranges.create(engine)
    free = set(range(FIRST, FIRST + SIZE))
    with opened(engine) as ranges:
        ranges.add(SPACE, FIRST, SIZE)
        for step, number, size in steps:
            wanted = set(range(number, number + size))
            if step == "take":
                found = ranges.take_macs(size)
                assert (None if found is None else found.first) == lowest(free, size)
                free -= set() if found is None else set(range(found.first, found.first + found.size))
            elif step == "exactly":
                assert ranges.take_exactly(SPACE, number, size) == (wanted <= free)
                free -= wanted if wanted <= free else set()
            elif wanted <= set(range(FIRST, FIRST + SIZE)) - free:
                ranges.put_back(SPACE, number, size)
                free |= wanted
    with engine.connect() as connection:
        rows = connection.execute(select(free_ranges).where(free_ranges.c.space == SPACE)).all()
    assert sorted((row.first, row.size) for row in rows) == runs(list(free))
    engine.dispose()


@pytest.mark.parametrize(
    ("size", "at_most", "taken"), [(2, 3, 4), (2, 1, 2), (2, 2, 4), (5, 9, 5), (3, 0, 3), (1, 9, 5)]
)
def test_whole_units_are_taken_of_a_range(size: int, at_most: int, taken: int) -> None:
    engine = make_engine("sqlite://")
    free_ranges.create(engine)
    with opened(engine) as ranges:
        ranges.add(SPACE, FIRST, 5)
        assert ranges.take_macs(size, at_most) == Range(SPACE, FIRST, taken)
        assert ranges.take_exactly(SPACE, FIRST + taken, 5 - taken) == (taken < 5)


def test_a_new_database_has_every_serial_number_and_takes_pieces_from_the_lowest_on() -> None:
    engine = make_engine("sqlite://")
    free_ranges.create(engine)
    with opened(engine) as ranges:
        assert ranges.take_exactly(0, 3, 1)
        pieces = [ranges.take_serials(5), ranges.take_serials(3)]
        assert [(piece.first, piece.size) for piece in pieces if piece is not None] == [(1, 2), (4, 3)]
        assert not ranges.take_exactly(0, 10**8, 1)
        assert ranges.take_exactly(0, 10**8 - 1, 1)


@given(st.sets(st.integers(0, 50)))
def test_runs_are_whole_and_hold_every_number_once(numbers: set[int]) -> None:
    found = runs(list(numbers))
    assert [n for first, size in found for n in range(first, first + size)] == sorted(numbers)
    assert all(first + size not in numbers for first, size in found)
