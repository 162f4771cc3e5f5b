"""A reason cites its rule; what people say of their own is neither empty nor endless."""

from __future__ import annotations

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.reason import MAX_WHY_CHARACTERS, Reason, check_why


def test_a_reason_is_its_sentence_and_its_rule() -> None:
    assert str(Reason("ER 5, ToS 9.b", "The call began at 21:00.")) == "The call began at 21:00. (ER 5, ToS 9.b)"


@pytest.mark.parametrize("why", ["x", "x" * MAX_WHY_CHARACTERS, "  the Account asked  "])
def test_something_said_is_enough(why: str) -> None:
    check_why(why)


@pytest.mark.parametrize("why", ["", " \n ", "x" * (MAX_WHY_CHARACTERS + 1)])
def test_nothing_said_or_too_much_is_refused_and_not_repeated(why: str) -> None:
    with pytest.raises(InvalidError, match=f"in 1 to 1000 characters, got {len(why)}"):
        check_why(why)
