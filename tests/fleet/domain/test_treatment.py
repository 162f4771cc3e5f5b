"""What may be asked of units together, and what becomes of it in an order: they know two instants, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.errors import InvalidError
from fleet.domain.rollout import STATE_OF_REPORT, UnitState, state_of
from fleet.domain.rollout_watch import Signal, Watch, signal
from fleet.domain.treatment import NEVER, SOFTLY, Mode, Treatment

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER, LATEST = NOW + timedelta(hours=5), NOW + timedelta(days=2)
IMAGE = "simulated_2.0.0.img"


@pytest.mark.parametrize(
    "treatment",
    [
        SOFTLY,
        Treatment(not_before=LATER),
        Treatment(not_before=NOW - timedelta(days=1), deadline=LATER),
        Treatment(not_before=LATER, deadline=LATEST),
        Treatment(deadline=LATER),
        Treatment(Mode.FORCED),
        Treatment(Mode.FORCED, not_before=LATER),
        Treatment(Mode.DOWNLOAD_ONLY),
    ],
)
def test_what_can_be_meant_together_is_taken_for_any_release(treatment: Treatment) -> None:
    treatment.check([IMAGE], NOW)


@pytest.mark.parametrize(
    ("treatment", "seen"),
    [
        (Treatment(Mode.FORCED, deadline=LATER), "a deadline is for mode soft, and this is forced"),
        (Treatment(Mode.DOWNLOAD_ONLY, deadline=LATER), "a deadline is for mode soft, and this is download_only"),
        (Treatment(Mode.DOWNLOAD_ONLY, not_before=LATER), "and this is download_only, which restarts nobody"),
        (Treatment(Mode.FORCED, urgent=True, not_before=LATER), "not_before holds a restart back, and this is urgent"),
        (Treatment(Mode.SOFT, urgent=True), "an urgent rollout is forced, and this is soft"),
        (Treatment(Mode.DOWNLOAD_ONLY, urgent=True), "an urgent rollout is forced, and this is download_only"),
        (Treatment(deadline=NOW), "is over, or not after the earliest restart"),
        (Treatment(not_before=LATER, deadline=LATER), "is over, or not after the earliest restart"),
        (Treatment(not_before=NOW - timedelta(days=2), deadline=NOW), "is over"),
        (Treatment(Mode.FORCED, urgent=True), f"not signed as one (--security): {IMAGE}; leave it out"),
    ],
)
def test_what_cannot_is_refused_with_what_to_leave_out(treatment: Treatment, seen: str) -> None:
    with pytest.raises(InvalidError) as error:
        treatment.check([IMAGE], NOW)
    assert seen in str(error.value)


def test_an_urgent_rollout_takes_a_release_of_security_fixes_alone_and_is_forced() -> None:
    urgent = Treatment.asked(None, True, None, None)
    urgent.check([], NOW)
    assert urgent.mode is Mode.FORCED
    assert Treatment.asked(Mode.DOWNLOAD_ONLY, False, None, None).mode is Mode.DOWNLOAD_ONLY


instants = st.none() | st.integers(-100, 100).map(lambda hours: NOW + timedelta(hours=hours))
treatments = st.builds(Treatment, st.sampled_from(Mode), st.booleans(), instants, instants)


@given(treatments, st.integers(0, 100))
def test_an_order_says_by_two_instants_when_a_unit_restarts(treatment: Treatment, hours: int) -> None:
    try:
        treatment.check([], NOW)
    except InvalidError:
        return
    at = NOW + timedelta(hours=hours)
    not_before, deadline = treatment.order_times(at)
    at_any_hour = (not_before is None or at >= not_before) and deadline is not None and at >= deadline
    soft_is_over = treatment.deadline is not None and at >= treatment.deadline
    waits = treatment.not_before is not None and at < treatment.not_before
    forced = treatment.mode is Mode.FORCED or soft_is_over
    assert at_any_hour is (forced and not waits)
    assert (not_before == NEVER) is (treatment.mode is Mode.DOWNLOAD_ONLY)


def test_never_is_the_last_instant_that_a_unit_can_keep() -> None:
    from adapter.update.assignment import LAST_S

    assert NEVER.timestamp() == LAST_S


def test_a_watched_unit_that_has_loaded_it_counts_as_settled_at_its_deadline() -> None:
    watch = Watch(NOW, UnitState.STAGED, heard_at=LATER)
    assert signal(watch, LATER - NOW, LATER) is None
    assert signal(replace(watch, state=UnitState.DOWNLOADING), LATER - NOW, LATER) is Signal.NOT_CONFIRMED


def test_what_is_loaded_is_where_download_only_wants_a_unit_and_nobody_else() -> None:
    assert state_of("staged", Mode.DOWNLOAD_ONLY) is UnitState.STAGED
    for mode in Mode:
        for report in ("downloading", "trial", "confirmed", "idle", *STATE_OF_REPORT):
            if (mode, report) != (Mode.DOWNLOAD_ONLY, "staged"):
                assert state_of(report, mode) is STATE_OF_REPORT.get(report)


@pytest.mark.parametrize(
    ("treatment", "words"),
    [
        (SOFTLY, "soft"),
        (Treatment(deadline=LATER), "soft until 2026-11-22 05:00 UTC"),
        (
            Treatment(not_before=LATER, deadline=LATEST),
            "soft, not before 2026-11-22 05:00 UTC until 2026-11-24 00:00 UTC",
        ),
        (Treatment(Mode.FORCED, not_before=LATER), "forced, not before 2026-11-22 05:00 UTC"),
        (Treatment(Mode.FORCED, urgent=True), "urgent"),
        (Treatment(Mode.DOWNLOAD_ONLY), "download only"),
    ],
)
def test_it_is_said_in_words(treatment: Treatment, words: str) -> None:
    assert treatment.in_words == words
