"""Where a returned unit may go from what was found, what proves that it forgot everything, what reaches the shelf."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.errors import ConflictError
from fleet.domain.inspection import InspectionCode
from fleet.domain.refurbishing import (
    Grade,
    Refurbishing,
    RefurbishingEvent,
    Round,
    WipeProof,
    blank_sha256,
    check_may_restock,
    check_may_take_in,
)
from fleet.domain.unit import Custody, Service, Trust, Unit
from protocol.wire.mac import MacAddress

E = RefurbishingEvent
UNIT = Unit(
    serial="PT000000018",
    mac=MacAddress(bytes.fromhex("8c1f64aab000")),
    board="simulated",
    hardware_revision=1,
    board_uid=bytes(8),
    epoch=1,
    custody=Custody.RETURNED,
    service=Service.UNPLACED,
    trust=Trust.GOOD,
)


def found(code: InspectionCode) -> Round:
    return Round(UNIT.serial, 1, code, datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("code", "first"),
    [
        (InspectionCode.NO_FAULT_FOUND, {E.WIPE, E.SCRAP}),
        (InspectionCode.MISSING_PARTS, {E.WIPE, E.SCRAP}),
        (InspectionCode.WORN, {E.REPAIR, E.SCRAP}),
        (InspectionCode.HARDWARE_DEFECT, {E.REPAIR, E.SCRAP}),
        (InspectionCode.LIQUID, {E.REPAIR, E.SCRAP}),
    ],
)
def test_what_was_found_says_where_the_unit_may_go_first(code: InspectionCode, first: set[RefurbishingEvent]) -> None:
    allowed = set()
    for event in E:
        try:
            found(code).after(event)
        except ConflictError:
            continue
        allowed.add(event)
    assert allowed == first


def test_a_refused_first_step_says_what_is_possible() -> None:
    with pytest.raises(ConflictError, match="PT000000018 was found worn: repair or scrap, wipe is not possible now"):
        found(InspectionCode.WORN).after(E.WIPE)


@given(st.sampled_from(InspectionCode), st.lists(st.sampled_from(RefurbishingEvent), max_size=25))
def test_whatever_is_tried_nothing_is_restocked_unless_wiped_renewed_flashed_and_passed_in_that_order(
    code: InspectionCode, events: list[RefurbishingEvent]
) -> None:
    current, done = found(code), []
    for event in events:
        try:
            current = current.graded(Grade.A) if event is E.GRADE else current.after(event)
        except ConflictError:
            continue
        done.append(event)
    assert current.ended == (bool(done) and done[-1] in (E.GRADE, E.SCRAP))
    if current.state is Refurbishing.RESTOCKED:
        assert done[-4:] == [E.BEGIN_EPOCH, E.FLASH, E.PASS, E.GRADE]
        since_trouble = [event for event in done if event not in (E.BEGIN_EPOCH, E.FLASH, E.PASS)]
        assert since_trouble[-2:] == [E.WIPE, E.GRADE]
        assert E.REPAIR in done or found(code).after(E.WIPE)
    assert (current.grade is not None) == (current.state is Refurbishing.RESTOCKED)


def test_a_wipe_is_proved_by_the_digest_of_the_whole_blank_flash() -> None:
    good = WipeProof(UNIT.board_uid, 4096, sha256(b"\xff" * 4096).hexdigest())
    good.check(UNIT, 4096)
    assert good.evidence == f"4096 bytes blank, SHA-256 {blank_sha256(4096)}"
    for wrong, words in (
        (replace(good, board_uid=b"another!"), "the board that was wiped is 616e6f7468657221, not that of PT000000018"),
        (replace(good, erased_bytes=2048), "2048 bytes of PT000000018 were wiped, its flash has 4096"),
        (replace(good, sha256=blank_sha256(2048)), "the flash of PT000000018 is not blank"),
    ):
        with pytest.raises(ConflictError, match=words):
            wrong.check(UNIT, 4096)


@pytest.mark.parametrize("custody", list(Custody))
def test_only_a_returned_unit_of_no_account_is_taken_in(custody: Custody) -> None:
    for account_id in (None, 3):
        unit = replace(UNIT, custody=custody, account_id=account_id)
        if custody is Custody.RETURNED and account_id is None:
            check_may_take_in(unit)
        else:
            with pytest.raises(ConflictError, match="only a returned unit is refurbished"):
                check_may_take_in(unit)


@pytest.mark.parametrize("trust", list(Trust))
def test_only_a_trusted_unit_is_restocked(trust: Trust) -> None:
    if trust is Trust.GOOD:
        check_may_restock(UNIT)
    else:
        with pytest.raises(ConflictError, match=f"is {trust}: clear it or begin a new epoch"):
            check_may_restock(replace(UNIT, trust=trust))
