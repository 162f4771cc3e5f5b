"""Every state and every reason has its sentence; what hides a rollout is said before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from fleet.domain.rollout import Misfit, RolloutState, UnitState
from fleet.domain.treatment import Mode, Treatment
from fleet.domain.unit import Service, Trust
from fleet.domain.update_diagnosis import RolloutPart, UpdateFacts
from fleet.domain.update_explanation import REASONS, UpdateState, explain
from protocol.wire.enumerations import UPDATE_REASONS, UPDATE_STATES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=3)
OPENS = NOW + timedelta(hours=10)
SOON = NOW + timedelta(hours=1)
PART = RolloutPart("RO-1", "1.1.0", RolloutState.RUNNING, "", UnitState.ASSIGNED, "", SINCE)
FACTS = UpdateFacts(
    "PT000000018", Trust.GOOD, Service.ACTIVE, "1.0.0", NOW, "idle", PART, "02:00-05:00", timedelta(seconds=60)
)


def sentence(**changed: object) -> str:
    part = replace(PART, **{name: value for name, value in changed.items() if name in RolloutPart.__slots__})
    facts = {name: value for name, value in changed.items() if name not in RolloutPart.__slots__}
    return explain(replace(FACTS, **({"part": part} | facts)), NOW).sentence.removeprefix("PT000000018 ")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"trust": Trust.REVOKED}, "runs 1.0.0: its identity is revoked, so it is given nothing."),
        (
            {"trust": Trust.QUARANTINED},
            "runs 1.0.0: it is quarantined, so no rollout reaches it until it is cleared.",
        ),
        (
            {"service": Service.UNPLACED},
            "runs 1.0.0: rollouts are for units in service, and it is unplaced (at account).",
        ),
        ({"version": ""}, "has not registered yet: rollouts reach it once it comes on."),
        ({"part": None}, "runs 1.0.0: no rollout names it."),
        ({"state": None}, "runs 1.0.0: RO-1 gives it 1.1.0 when it is heard next."),
        (
            {"state": UnitState.WAITING, "rollout_state": RolloutState.PAUSED, "rollout_reason": "2 units failed"},
            "runs 1.0.0: RO-1, which is to bring it 1.1.0, is paused (2 units failed).",
        ),
        (
            {"state": UnitState.WAITING, "rollout_state": RolloutState.WAITING_FOR_APPROVAL},
            "runs 1.0.0: RO-1, which is to bring it 1.1.0, is waiting for approval.",
        ),
        ({}, "runs 1.0.0: RO-1 assigned it 1.1.0 on 2026-11-22 09:00 UTC; it has not said that it began."),
        (
            {"state": None, "group": "rest"},
            "runs 1.0.0: RO-1 gives it 1.1.0 when its group, rest, is open; the groups before it try it first.",
        ),
        (
            {"state": UnitState.HELD_BACK},
            "runs 1.0.0: RO-1 holds it back from 1.1.0, to compare units with that release to units without.",
        ),
        (
            {"state": UnitState.DOWNLOADING, "reason": "40 %"},
            "runs 1.0.0: it is downloading 1.1.0 of RO-1, 40 % since 2026-11-22 09:00 UTC, "
            "for its network is slow or keeps failing.",
        ),
        (
            {"state": UnitState.DOWNLOADING, "since": NOW},
            "runs 1.0.0: it is downloading 1.1.0 of RO-1, since 2026-11-22 12:00 UTC.",
        ),
        (
            {"state": UnitState.DOWNLOADING, "since": NOW, "has_delta": False},
            "runs 1.0.0: it is downloading 1.1.0 of RO-1, since 2026-11-22 12:00 UTC: whole, "
            "there is no delta from 1.0.0.",
        ),
        (
            {"state": UnitState.DOWNLOADING, "update_state": "staged", "hours_at": OPENS},
            "runs 1.0.0: it has loaded 1.1.0 of RO-1 and waits until 2026-11-22 22:00 UTC for its maintenance hours "
            "02:00-05:00.",
        ),
        (
            {"state": UnitState.DOWNLOADING, "reason": "by a delta of 9 bytes", "hours_at": OPENS}
            | {"treatment": Treatment(deadline=SOON)},
            "runs 1.0.0: it has loaded 1.1.0 of RO-1 and waits until 2026-11-22 13:00 UTC for its maintenance hours "
            "02:00-05:00, at the latest 2026-11-22 13:00 UTC.",
        ),
        (
            {
                "state": UnitState.DOWNLOADING,
                "update_state": "staged",
                "hours_at": OPENS,
                "treatment": Treatment(deadline=NOW),
            },
            "runs 1.0.0: it has loaded 1.1.0 of RO-1 and restarts into it now.",
        ),
        (
            {"state": UnitState.DOWNLOADING, "update_state": "staged", "hours_at": OPENS, "line_state": "in_call"}
            | {"treatment": Treatment(Mode.FORCED)},
            "runs 1.0.0: RO-1 goes on with 1.1.0 when the call that is up ends.",
        ),
        (
            {"state": UnitState.DOWNLOADING, "update_state": "armed", "hours_at": OPENS}
            | {"treatment": Treatment(not_before=SOON)},
            "runs 1.0.0: it has loaded 1.1.0 of RO-1 and waits until 2026-11-22 13:00 UTC, before which RO-1 lets "
            "no unit restart.",
        ),
        (
            {"state": UnitState.STAGED, "treatment": Treatment(Mode.DOWNLOAD_ONLY)},
            "runs 1.0.0: it has loaded 1.1.0 of RO-1, which restarts nobody; another rollout is to do that.",
        ),
        ({"state": None, "runs_it": True}, "runs 1.0.0: it runs what RO-1 is to bring it, 1.1.0."),
        (
            {"state": None, "suspended": True},
            "runs 1.0.0: RO-1 gives it 1.1.0 when it is heard next; its account is suspended, which holds back no "
            "update.",
        ),
        (
            {"state": None, "left_out": "its board is a, and it takes b"},
            "runs 1.0.0: RO-1 leaves it out by its filter: its board is a, and it takes b.",
        ),
        ({"state": UnitState.TRIAL}, "runs 1.0.0: it is trying 1.1.0 of RO-1 since 2026-11-22 09:00 UTC."),
        (
            {"state": UnitState.CONFIRMED},
            "runs 1.0.0: RO-1 brought it 1.1.0, confirmed 2026-11-22 09:00 UTC.",
        ),
        (
            {"state": UnitState.REVERTED, "reason": "self_test: led"},
            "runs 1.0.0: it went back from 1.1.0 of RO-1 on 2026-11-22 09:00 UTC because its self-test failed: led.",
        ),
        (
            {"state": UnitState.FAILED, "reason": "no image for board other", "misfit": Misfit.BOARD},
            "runs 1.0.0: 1.1.0 of RO-1 is not for its board because no image for board other.",
        ),
        (
            {"state": UnitState.SUPERSEDED, "reason": "RO-2 is newer"},
            "runs 1.0.0: 1.1.0 of RO-1 was taken back from it because RO-2 is newer.",
        ),
        (
            {"part": None, "heard_at": SINCE},
            "last ran 1.0.0: no rollout names it; it is offline since 2026-11-22 09:00 UTC.",
        ),
    ],
)
def test_each_state_has_its_sentence(changed: dict[str, object], expected: str) -> None:
    assert sentence(**changed) == expected


def test_every_reason_of_the_wire_is_explained() -> None:
    assert set(REASONS) == set(UPDATE_REASONS)
    for reason in UPDATE_REASONS[1:]:
        found = explain(replace(FACTS, part=replace(PART, state=UnitState.FAILED, reason=reason)), NOW)
        assert (found.state, found.reason) == (UpdateState.FAILED, reason)
        assert found.sentence.endswith(f" because {REASONS[reason]}.") or reason == "deadline"


def test_whatever_is_known_of_a_unit_there_is_one_sentence() -> None:
    parts = [
        None,
        replace(PART, state=None, group="rest"),
        *(
            replace(PART, state=state, rollout_state=rollout, reason=reason)
            for state, rollout, reason in product([None, *UnitState], RolloutState, ["", "crash", "self_test: led"])
        ),
    ]
    seen = set()
    for trust, service, version, update_state, part in product(
        Trust, Service, ["", "1.0.0"], [None, *UPDATE_STATES], parts
    ):
        facts = replace(FACTS, trust=trust, service=service, version=version, update_state=update_state, part=part)
        found = explain(facts, NOW)
        seen.add(found.state)
        assert found.sentence.startswith("PT000000018 ")
        assert found.sentence.endswith(".")
        assert "{" not in found.sentence
    assert seen == set(UpdateState)


@pytest.mark.parametrize(("seconds", "offline"), [(180, False), (181, True)])
def test_a_unit_is_offline_after_three_missed_heartbeats(seconds: int, offline: bool) -> None:
    heard = NOW - timedelta(seconds=seconds)
    found = explain(replace(FACTS, heard_at=heard), NOW)
    assert found.offline_since == (heard if offline else None)
    assert found.since == SINCE
