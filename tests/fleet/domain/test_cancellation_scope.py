"""Parts of an account: what a notice ends, and which units lose their last line."""

from __future__ import annotations

import pytest

from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope, part_of_account
from fleet.domain.errors import InvalidError


def test_the_whole_account_covers_lines_that_come_later() -> None:
    assert WHOLE_ACCOUNT.covers("a line ordered tomorrow")
    assert not part_of_account("a").covers("a line ordered tomorrow")
    assert part_of_account("a").covers("a")
    assert not Scope(frozenset("a"), everything=True).covers("a")
    assert part_of_account("a")
    assert WHOLE_ACCOUNT
    assert not Scope(frozenset())


def test_a_part_names_something() -> None:
    with pytest.raises(InvalidError, match="names the lines"):
        part_of_account()


UNITS = {"unit-1": frozenset("ab"), "unit-2": frozenset("c"), "unit-3": frozenset[str]()}


@pytest.mark.parametrize(
    ("scope", "ended"),
    [
        (WHOLE_ACCOUNT, ["unit-1", "unit-2", "unit-3"]),
        (part_of_account("a"), []),
        (part_of_account("a", "b"), ["unit-1"]),
        (part_of_account("c"), ["unit-2"]),
        (part_of_account("d"), []),
        (Scope(frozenset("a"), everything=True), ["unit-2"]),
        (Scope(frozenset("d"), everything=True), ["unit-1", "unit-2"]),
    ],
)
def test_a_unit_ends_with_its_last_line(scope: Scope, ended: list[str]) -> None:
    assert scope.units_ended(UNITS) == ended
