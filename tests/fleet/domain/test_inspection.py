"""An inspection's finding, its evidence, and what follows for replacement value, refund and triage."""

from __future__ import annotations

from datetime import date

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.inspection import FINDINGS, MAX_NOTE_CHARACTERS, TRIAGE, Inspection, InspectionCode, value_reason
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.reason import Reason
from fleet.domain.return_deadline import ReturnVerdict, Timeliness
from fleet.domain.rma import Condition
from fleet.domain.trial import judge_trial, may_open_trial_return

SPOILT = {InspectionCode.LIQUID, InspectionCode.IMPACT, InspectionCode.OVERVOLTAGE, InspectionCode.OPENED}


def found(code: InspectionCode) -> Inspection:
    return Inspection(code, photo="photo-1")


@pytest.mark.parametrize("code", list(InspectionCode))
def test_who_spoilt_a_unit_pays_its_value_and_nobody_for_its_own_defect(code: InspectionCode) -> None:
    reason = value_reason(found(code))
    assert (reason is not None) is (code in SPOILT)
    if reason is not None:
        assert f"found {code}" in reason.text


@pytest.mark.parametrize("code", list(InspectionCode))
def test_sound_is_what_nobody_spoilt_and_original_what_nothing_is_missing_of_beside(code: InspectionCode) -> None:
    assert found(code).is_sound is (code not in SPOILT)
    assert found(code).is_original is (code not in SPOILT | {InspectionCode.MISSING_PARTS})


def test_every_code_has_its_finding_and_every_condition_its_triage() -> None:
    assert set(FINDINGS) == set(InspectionCode)
    assert set(TRIAGE) == set(Condition) == {condition for condition, _ in FINDINGS.values()}
    assert found(InspectionCode.IMPACT).triage == TRIAGE[Condition.DAMAGED]
    assert found(InspectionCode.MISSING_PARTS).condition is Condition.INCOMPLETE


def test_a_finding_has_a_photo_or_a_note() -> None:
    assert Inspection(InspectionCode.WORN, note="n" * MAX_NOTE_CHARACTERS)
    with pytest.raises(InvalidError, match="needs a photo or a note"):
        Inspection(InspectionCode.WORN, photo=" ", note="\n")
    with pytest.raises(InvalidError, match="at most 1000 characters, got 1001"):
        Inspection(InspectionCode.WORN, note="n" * (MAX_NOTE_CHARACTERS + 1))


@pytest.mark.parametrize(("opened", "accepted"), [("2025-01-10", True), ("2025-02-09", True), ("2025-02-10", False)])
def test_a_trial_return_is_opened_within_30_days_of_the_order(opened: str, accepted: bool) -> None:
    verdict = may_open_trial_return(date(2025, 1, 10), date.fromisoformat(opened), PolicyBook())
    assert verdict.accepted is accepted
    assert "by 2025-02-09" in verdict.reason.text


def test_the_trials_days_are_those_of_the_order_date() -> None:
    book = PolicyBook((PolicyValue(PolicyName.TRIAL_OPEN_DAYS, date(2025, 1, 11), 0),))
    assert may_open_trial_return(date(2025, 1, 10), date(2025, 2, 9), book).accepted
    assert not may_open_trial_return(date(2025, 1, 11), date(2025, 1, 12), book).accepted


@pytest.mark.parametrize("timeliness", list(Timeliness))
@pytest.mark.parametrize("code", [InspectionCode.NO_FAULT_FOUND, InspectionCode.MISSING_PARTS, InspectionCode.IMPACT])
def test_a_trial_is_over_well_in_time_and_in_original_condition(timeliness: Timeliness, code: InspectionCode) -> None:
    judged = judge_trial(ReturnVerdict(timeliness, None, Reason("ER 4", "Due then.")), found(code))
    assert judged.accepted is (timeliness is Timeliness.IN_TIME and code is InspectionCode.NO_FAULT_FOUND)
    assert judged.reason.text.startswith("Due then.")
    assert (f"found {code}" in judged.reason.text) is (timeliness is Timeliness.IN_TIME)
