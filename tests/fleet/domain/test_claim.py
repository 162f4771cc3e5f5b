"""An unassigned unit is claimed by the code on its label; guesses are few, and learn nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleet.domain.claim import CLAIM_WINDOW_S, MAX_FAILED_CLAIMS, check_may_try, claimed, normal_code
from fleet.domain.errors import ConflictError, TooManyAttemptsError
from fleet.domain.unit import Custody, Service, Trust, Unit
from protocol.wire.mac import MacAddress

NOW = datetime(2025, 6, 1, tzinfo=UTC)
WINDOW = timedelta(seconds=CLAIM_WINDOW_S)
MAC = MacAddress(bytes.fromhex("8c1f64aa0001"))
UNIT = Unit("PT000000018", MAC, "simulated", 1, bytes(8), 1, Custody.IN_STOCK, Service.UNPLACED, Trust.GOOD)


def test_the_right_code_places_the_unit_at_its_account() -> None:
    unit = claimed(UNIT, code_is_right=True)
    assert unit == replace(UNIT, custody=Custody.AT_ACCOUNT, service=Service.PLACED)


@pytest.mark.parametrize(
    ("unit", "code_is_right"),
    [
        (UNIT, False),
        (None, True),
        (None, False),
        (replace(UNIT, trust=Trust.QUARANTINED), True),
        *((replace(UNIT, custody=custody), True) for custody in Custody if custody is not Custody.IN_STOCK),
    ],
    ids=str,
)
def test_every_failure_says_the_same(unit: Unit | None, code_is_right: bool) -> None:
    with pytest.raises(ConflictError) as failed:
        claimed(unit, code_is_right)
    assert str(failed.value) == (
        "no unit can be claimed by this serial number and code; read both from the label again"
    )


def test_after_five_failures_one_waits_until_the_first_of_them_is_a_day_old() -> None:
    failures = [NOW - timedelta(hours=n) for n in range(1, MAX_FAILED_CLAIMS + 1)]
    check_may_try(failures[1:], NOW)
    with pytest.raises(TooManyAttemptsError, match="5 claims failed within 24 hours") as refused:
        check_may_try(failures, NOW)
    assert refused.value.retry_after_s == 19 * 3600
    check_may_try(failures, NOW + timedelta(seconds=refused.value.retry_after_s))


def test_of_many_failures_enough_must_grow_old_and_part_of_a_second_is_waited_for() -> None:
    failures = [NOW - timedelta(hours=n) + timedelta(microseconds=1) for n in range(7)]
    with pytest.raises(TooManyAttemptsError) as refused:
        check_may_try(failures, NOW)
    assert refused.value.retry_after_s == 20 * 3600 + 1
    check_may_try(failures, NOW + timedelta(seconds=refused.value.retry_after_s))
    with pytest.raises(TooManyAttemptsError):
        check_may_try(failures, NOW + timedelta(seconds=refused.value.retry_after_s - 1))


def test_failures_that_are_a_day_old_do_not_count() -> None:
    check_may_try([NOW - WINDOW] * 9, NOW)
    with pytest.raises(TooManyAttemptsError):
        check_may_try([NOW - WINDOW + timedelta(microseconds=1)] * 9, NOW)


@pytest.mark.parametrize("typed", ["0A1B-1C2D", "oa1b 1c2d", "OAIB-LC2D", "0a1bic2d"])
def test_a_code_is_read_however_it_was_typed(typed: str) -> None:
    assert normal_code(typed) == "0A1B1C2D"
