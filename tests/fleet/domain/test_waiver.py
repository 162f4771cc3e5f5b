"""Which ends of service free the account of the fee: ToS 30.b and 32.c, each to the day."""

from __future__ import annotations

from datetime import date

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.waiver import WAIVERS, EndCause, check_effective, over_force_majeure, over_harmful_change

POLICY = PolicyBook()


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_the_accounts_own_end_and_its_breach_are_not_waived() -> None:
    assert set(EndCause) - set(WAIVERS) == {EndCause.ACCOUNT, EndCause.BREACH}


@pytest.mark.parametrize(
    ("objected", "cause"),
    [
        ("2025-05-01", EndCause.HARMFUL_CHANGE),
        ("2025-05-31", EndCause.HARMFUL_CHANGE),
        ("2025-06-01", EndCause.ACCOUNT),
    ],
)
def test_a_harmful_change_is_objected_to_within_30_days(objected: str, cause: EndCause) -> None:
    found, reason = over_harmful_change(day("2025-05-01"), day(objected), POLICY)
    assert found is cause
    assert "ToS 30.b" in reason.rule
    if cause is EndCause.ACCOUNT:
        assert reason.text.startswith("The objection of 2025-06-01 came after 2025-05-31")


@pytest.mark.parametrize(
    ("asked", "cause"),
    [("2025-05-01", EndCause.ACCOUNT), ("2025-05-11", EndCause.ACCOUNT), ("2025-05-12", EndCause.FORCE_MAJEURE)],
)
def test_force_majeure_frees_after_more_than_10_days(asked: str, cause: EndCause) -> None:
    found, reason = over_force_majeure(day("2025-05-01"), day(asked), POLICY)
    assert found is cause
    assert "ToS 32.c" in reason.rule
    if cause is EndCause.ACCOUNT:
        assert "through 2025-05-11" in reason.text


def test_a_period_is_the_one_in_force_on_the_day_it_begins() -> None:
    book = PolicyBook(
        (
            PolicyValue(PolicyName.CHANGE_OBJECTION_DAYS, day("2025-05-02"), 0),
            PolicyValue(PolicyName.FORCE_MAJEURE_DAYS, day("2025-05-02"), 0),
        )
    )
    assert over_harmful_change(day("2025-05-01"), day("2025-05-31"), book)[0] is EndCause.HARMFUL_CHANGE
    assert over_force_majeure(day("2025-05-01"), day("2025-05-03"), book)[0] is EndCause.ACCOUNT
    assert over_harmful_change(day("2025-05-02"), day("2025-05-03"), book)[0] is EndCause.ACCOUNT
    assert over_force_majeure(day("2025-05-02"), day("2025-05-03"), book)[0] is EndCause.FORCE_MAJEURE


def test_a_reason_reads_as_a_sentence_with_its_rule() -> None:
    assert str(WAIVERS[EndCause.OPERATOR]) == (
        "The operator ends the service without a breach by the Account. (ER 3.4)"
    )


def test_administrators_get_30_days_notice_of_a_change_that_harms_them() -> None:
    check_effective(day("2025-05-01"), day("2025-05-31"), POLICY)
    with pytest.raises(InvalidError, match="takes effect on 2025-05-31 or later, got 2025-05-30"):
        check_effective(day("2025-05-01"), day("2025-05-30"), POLICY)
