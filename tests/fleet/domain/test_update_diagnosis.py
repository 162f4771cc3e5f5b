"""Whatever is known of a unit has one cause at most, and of two hindrances the one that is to be solved first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.rollout import IN_FLIGHT, REACHED, Misfit, RolloutState, UnitState
from fleet.domain.rollout_gate import Hindrance
from fleet.domain.treatment import Mode, Treatment
from fleet.domain.unit import Custody, Service, Trust
from fleet.domain.update_advice import ADVICE
from fleet.domain.update_cause import Cause
from fleet.domain.update_diagnosis import LOADED, REFUSALS, RETURNS, RolloutPart, UpdateFacts, cause_of, until
from fleet.domain.update_explanation import explain
from protocol.wire.enumerations import LINE_STATES, UPDATE_REASONS, UPDATE_STATES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
PART = RolloutPart("RO-1", "2.0.0", RolloutState.RUNNING, "", None, "", NOW - timedelta(minutes=10))
FACTS = UpdateFacts(
    "PT000000018", Trust.GOOD, Service.ACTIVE, "1.0.0", NOW, "idle", PART, "02:00-05:00", timedelta(seconds=60)
)
FIRMWARE = Path(__file__).parents[3] / "firmware" / "adapter" / "update"


def cause(**changed: object) -> Cause | None:
    return cause_of(known(**changed), NOW)


def known(**changed: object) -> UpdateFacts:
    """What a name of both dataclasses' fields says is the part's."""
    part = replace(PART, **{name: value for name, value in changed.items() if name in RolloutPart.__slots__})
    facts = {name: value for name, value in changed.items() if name not in RolloutPart.__slots__}
    return replace(FACTS, **({"part": part} | facts))


Known = dict[str, Any]

AWAY: Known = {"heard_at": NOW - timedelta(minutes=4)}
SILENT: Known = {"heard_at": NOW - timedelta(minutes=9)}  # since it was assigned
STAGED: Known = {"state": UnitState.DOWNLOADING, "update_state": "staged"}
ASSIGNED: Known = {"state": UnitState.ASSIGNED}
LOADING: Known = {"state": UnitState.DOWNLOADING}

# In groups of hindrances that can stand together, each in the order in which they are to be solved.
TOGETHER: list[list[tuple[Cause, Known]]] = [
    [
        (Cause.RETURNED, {"custody": Custody.RETURNED}),
        (Cause.REPLACED, {"service": Service.REPLACED}),
        (Cause.REVOKED, {"trust": Trust.REVOKED}),
        (Cause.NEVER_REGISTERED, {"version": ""}),
        (Cause.WRONG_REVISION, {"misfit": Misfit.REVISION}),
        (Cause.JOINED_LATE, {"joined_late": True}),
        (Cause.BETA_ONLY, {"beta_only": True}),
        (Cause.LEFT_OUT, {"left_out": "its board is a, and it takes b"}),
        (Cause.PAUSED, {"rollout_state": RolloutState.PAUSED}),
        (Cause.LATER_GROUP, {"group": "rest"}),
        (Cause.OFFLINE, AWAY),
        (Cause.PENALTY_BOX, {"hindrance": Hindrance.PENALTY_BOX}),
        (Cause.NOT_ASKED, {}),
    ],
    [
        (Cause.QUARANTINED, {"trust": Trust.QUARANTINED}),
        (Cause.NOT_IN_SERVICE, {"service": Service.UNPLACED}),
        (Cause.OFFLINE, STAGED | AWAY),
        (Cause.NOT_BEFORE, STAGED | {"treatment": Treatment(not_before=LATER)}),
        (Cause.HOURS, STAGED | {"hours_at": LATER}),
        (Cause.CALL_UP, STAGED | {"line_state": "in_call"}),
        (Cause.RESTARTING, STAGED),
    ],
    [
        (Cause.REVOKED, {"trust": Trust.REVOKED}),
        (Cause.OFFLINE, ASSIGNED | AWAY),
        (Cause.CALL_UP, ASSIGNED | {"line_state": "in_call"}),
        (Cause.CLOCK, ASSIGNED | {"clock_wrong": True}),
        (Cause.NO_HEAP, ASSIGNED | {"no_heap": True}),
        (Cause.NOT_BEGUN, ASSIGNED),
    ],
    [
        (Cause.OFFLINE, LOADING | AWAY),
        (Cause.CALL_UP, LOADING | {"line_state": "in_call"}),
        (Cause.SLOW_DOWNLOAD, LOADING | {"since": NOW - timedelta(hours=1)}),
        (Cause.NO_DELTA, LOADING | {"has_delta": False}),
        (Cause.DOWNLOADING, LOADING),
    ],
    [
        (Cause.QUARANTINED, {"trust": Trust.QUARANTINED}),
        (Cause.OFFLINE, {"state": UnitState.TRIAL} | AWAY),
        (Cause.ON_TRIAL, {"state": UnitState.TRIAL, "line_state": "in_call", "hours_at": LATER}),
    ],
]


@pytest.mark.parametrize("group", TOGETHER)
def test_of_two_hindrances_the_one_to_be_solved_first_is_the_cause(
    group: list[tuple[Cause, Known]],
) -> None:
    for at, (first, changed) in enumerate(group):
        assert cause(**changed) is first
        for _, below in group[at:]:
            assert cause(**(below | changed)) is first
        for above, hindrance in group[:at]:
            assert cause(**(changed | hindrance)) is above


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"misfit": Misfit.BOARD}, Cause.WRONG_BOARD),
        ({"misfit": Misfit.ABI}, Cause.WRONG_ABI),
        ({"rollout_state": RolloutState.DRAFT}, Cause.NOT_SUBMITTED),
        ({"rollout_state": RolloutState.WAITING_FOR_APPROVAL}, Cause.NOT_APPROVED),
        ({"rollout_state": RolloutState.READY}, Cause.NOT_STARTED),
        ({"rollout_state": RolloutState.STOPPING}, Cause.STOPPED),
        ({"rollout_state": RolloutState.STOPPED}, Cause.STOPPED),
        ({"rollout_state": RolloutState.FINISHED}, Cause.FINISHED),
        ({"state": UnitState.HELD_BACK, "rollout_state": RolloutState.FINISHED} | AWAY, Cause.HELD_BACK),
        ({"state": UnitState.SUPERSEDED, "reason": "RO-2 is newer"}, Cause.SUPERSEDED),
        ({"state": UnitState.SUPERSEDED, "reason": "the unit began a new identity epoch"}, Cause.NEW_EPOCH),
        ({"state": UnitState.SUPERSEDED, "reason": "the rollout was stopped"}, Cause.STOPPED),
        ({"state": UnitState.SUPERSEDED, "reason": "the unit left channel beta"}, Cause.BETA_ONLY),
        ({"state": UnitState.FAILED, "reason": "no image for board x", "misfit": Misfit.BOARD}, Cause.WRONG_BOARD),
        ({"state": UnitState.FAILED, "reason": "of old"}, Cause.UNEXPLAINED),
        ({"state": UnitState.FAILED, "reason": ""}, Cause.UNEXPLAINED),
        ({"state": UnitState.FAILED, "reason": "none"}, Cause.UNEXPLAINED),
        ({"state": UnitState.FAILED, "reason": "self_test"}, Cause.SELF_TEST),
        ({"state": UnitState.REVERTED, "reason": "flash: x"}, Cause.FLASH),
        ({"state": UnitState.REVERTED, "reason": "deadline: 180001 ms passed"}, Cause.TRIAL_DEADLINE),
        ({"state": UnitState.FAILED, "reason": "deadline: 60 steps did not install it"}, Cause.SPENT),
        ({"state": UnitState.DOWNLOADING, "reason": "whole, 9 bytes", "hours_at": LATER}, Cause.HOURS),
        (STAGED | {"hours_at": LATER, "treatment": Treatment(deadline=NOW)}, Cause.RESTARTING),
        (STAGED | {"hours_at": LATER, "treatment": Treatment(Mode.FORCED)}, Cause.RESTARTING),
        (STAGED | AWAY | {"treatment": Treatment(Mode.DOWNLOAD_ONLY)}, None),
        ({"state": UnitState.STAGED} | AWAY, None),
        ({"state": UnitState.CONFIRMED} | AWAY, None),
        ({"runs_it": True, "rollout_state": RolloutState.PAUSED}, None),
        ({"runs_it": True, "state": UnitState.FAILED, "reason": "flash"}, None),
        ({"runs_it": True, "state": UnitState.TRIAL}, Cause.ON_TRIAL),
        ({"runs_it": True, "state": UnitState.DOWNLOADING, "reason": "by a delta of 9 bytes"}, Cause.ON_TRIAL),
        ({"runs_it": True, "state": UnitState.ASSIGNED} | AWAY, Cause.OFFLINE),
        (LOADING | SILENT, Cause.DOWNLOADING),
        (ASSIGNED | SILENT, Cause.NOT_BEGUN),
        (ASSIGNED | SILENT | {"since": NOW - timedelta(hours=1)}, Cause.OFFLINE),
        (STAGED | SILENT, Cause.OFFLINE),
        ({"part": None}, None),
    ],
)
def test_what_else_is_a_cause_and_what_is_none(changed: Known, expected: Cause | None) -> None:
    assert cause(**changed) is expected


def test_what_expired_by_the_units_clock_alone_is_the_clocks_fault() -> None:
    expired: Known = {"state": UnitState.FAILED, "since": NOW}
    at = int(NOW.timestamp())
    assert cause(**expired, reason=f"expired: timestamp 7 expired at {at - 60} s, now is {at} s") is Cause.EXPIRED
    assert cause(**expired, reason=f"expired: timestamp 7 expired at {at + 60} s, now is {at + 90} s") is Cause.CLOCK
    assert cause(**expired, reason="expired") is Cause.EXPIRED


@pytest.mark.parametrize("words", [words for _, words, _ in REFUSALS + RETURNS if words] + list(LOADED))
def test_the_words_that_tell_causes_apart_are_the_firmwares_own(words: str) -> None:
    sources = "".join(path.read_text() for path in FIRMWARE.glob("*.py"))
    assert words in sources


def test_every_reason_of_the_wire_has_its_cause_whichever_way_it_ended() -> None:
    named = {reason for reason, words, _ in REFUSALS + RETURNS if not words}
    assert named == set(UPDATE_REASONS) - {"none"}


@pytest.mark.parametrize(
    ("changed", "ends"),
    [
        (STAGED | {"hours_at": LATER}, LATER),
        (STAGED | {"hours_at": LATER, "treatment": Treatment(deadline=SOON)}, SOON),
        (STAGED | {"treatment": Treatment(not_before=LATER)}, LATER),
        ({"group": "rest", "opens_at": LATER}, LATER),
        ({"group": "rest"}, None),
        ({"hindrance": Hindrance.NO_SLOT, "free_at": LATER}, LATER),
        ({"hindrance": Hindrance.PACE, "free_at": LATER}, LATER),
        ({"hindrance": Hindrance.PENALTY_BOX, "free_at": LATER}, LATER),
        ({}, None),
        ({"part": None}, None),
        ({"state": UnitState.CONFIRMED}, None),
    ],
)  # fmt: skip
def test_when_a_cause_ends_is_said_where_it_is_known(changed: Known, ends: datetime | None) -> None:
    facts = known(**changed)
    assert until(facts, cause_of(facts, NOW)) == ends


PARTS = st.builds(
    RolloutPart,
    rollout=st.just("RO-1"),
    release=st.just("2.0.0"),
    rollout_state=st.sampled_from(RolloutState),
    rollout_reason=st.sampled_from(["", "{} failed"]),
    state=st.sampled_from([None, *UnitState]),
    reason=st.sampled_from(["", "whole, 9 bytes", "RO-2 is newer", *(f"{name}: {{}}" for name in UPDATE_REASONS)]),
    since=st.sampled_from([NOW, NOW - timedelta(hours=5)]),
    treatment=st.builds(
        Treatment,
        mode=st.sampled_from(Mode),
        not_before=st.sampled_from([None, NOW, LATER]),
        deadline=st.sampled_from([None, NOW, LATER]),
    ),
    misfit=st.sampled_from([None, *Misfit]),
    joined_late=st.booleans(),
    left_out=st.sampled_from(["", "its board is a, and it takes b"]),
    beta_only=st.booleans(),
    group=st.sampled_from([None, "rest"]),
    opens_at=st.sampled_from([None, LATER]),
    hindrance=st.sampled_from([None, *Hindrance]),
    free_at=st.sampled_from([None, LATER]),
    has_delta=st.booleans(),
    runs_it=st.booleans(),
)  # fmt: skip
ALL_FACTS = st.builds(
    UpdateFacts,
    serial=st.just("PT000000018"),
    trust=st.sampled_from(Trust),
    service=st.sampled_from(Service),
    custody=st.sampled_from(Custody),
    suspended=st.booleans(),
    version=st.sampled_from(["", "1.0.0"]),
    heard_at=st.sampled_from([None, NOW, NOW - timedelta(hours=1)]),
    update_state=st.sampled_from([None, *UPDATE_STATES]),
    line_state=st.sampled_from([None, *LINE_STATES]),
    clock_wrong=st.booleans(),
    no_heap=st.booleans(),
    part=st.none() | PARTS,
    window=st.sampled_from(["", "02:00-05:00"]),
    hours_at=st.sampled_from([None, LATER]),
    heartbeat=st.just(timedelta(seconds=60)),
)


@given(ALL_FACTS)
def test_whatever_is_known_there_is_one_cause_with_a_sentence_and_a_remedy(facts: UpdateFacts) -> None:
    found = explain(facts, NOW)
    assert found.cause is cause_of(facts, NOW)
    assert found.sentence.startswith("PT000000018 ")
    assert found.sentence.endswith(".")
    assert "  " not in found.sentence
    assert (found.remedy, found.who) == (
        (None, None) if found.cause is None else (ADVICE[found.cause].remedy, ADVICE[found.cause].who)
    )
    if found.cause is None:
        part = facts.part
        loaded = part is not None and part.treatment.mode is Mode.DOWNLOAD_ONLY and part.state in IN_FLIGHT
        assert part is None or part.state in REACHED or part.runs_it or loaded


@given(ALL_FACTS)
def test_what_shuts_the_unit_out_comes_before_whatever_its_rollout_says(facts: UpdateFacts) -> None:
    here = replace(facts, custody=Custody.AT_ACCOUNT, service=Service.ACTIVE)
    assert cause_of(replace(here, trust=Trust.REVOKED), NOW) is Cause.REVOKED
    assert cause_of(replace(here, trust=Trust.QUARANTINED), NOW) is Cause.QUARANTINED
    found = cause_of(facts, NOW)
    away = cause_of(replace(facts, heard_at=NOW - timedelta(days=1)), NOW)
    causes = list(Cause)
    if found is not None:
        assert away is not None
        assert causes.index(away) <= max(causes.index(found), causes.index(Cause.OFFLINE))
        loads = facts.part is not None and facts.part.state in IN_FLIGHT
        if causes.index(found) > causes.index(Cause.OFFLINE) and not loads:
            assert away is Cause.OFFLINE


def test_each_hindrance_of_the_gate_is_a_cause_of_its_name() -> None:
    for hindrance in Hindrance:
        assert cause(hindrance=hindrance) == hindrance.value


def test_every_cause_has_its_row() -> None:
    assert list(ADVICE) == list(Cause)
    for advice in ADVICE.values():
        assert advice.remedy.endswith(".")
        assert not advice.clause.endswith(".")
