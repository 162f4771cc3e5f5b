"""Parts of an account: what two notices together end, and which units lose their last line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope, part_of_account
from fleet.domain.errors import InvalidError

LINES = frozenset("abcde")
SCOPES = st.builds(Scope, st.frozensets(st.sampled_from(sorted(LINES))), st.booleans())


def lines_of(scope: Scope) -> set[str]:
    """The lines it ends, of an account that has a to e and z, which no scope names."""
    return {line for line in LINES | {"z"} if scope.covers(line)}


@given(SCOPES, SCOPES)
def test_what_one_scope_leaves_of_another_is_the_difference_of_their_lines(one: Scope, other: Scope) -> None:
    left = one.without(other)
    assert lines_of(left) == lines_of(one) - lines_of(other)
    assert one.overlaps(other) is bool(lines_of(one) & lines_of(other))
    assert bool(one) is bool(lines_of(one))


def test_the_whole_account_covers_lines_that_come_later() -> None:
    assert WHOLE_ACCOUNT.covers("a line ordered tomorrow")
    assert not part_of_account("a").covers("a line ordered tomorrow")


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
