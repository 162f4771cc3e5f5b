"""The protocol-level sweep counts what a run came to: a small fleet of it (`make soak AREA=rollout_protocol`)."""

from __future__ import annotations

import pytest

from fleet.domain.rollout import RolloutState
from fleet.rehearsal.fleet import Rehearsal
from fleet.rehearsal.judge import BrokenRuleError
from tests.sweeps.rollout import counts_of
from tests.sweeps.rollout_protocol import SWEEPS, TRIED, rehearsed


def test_a_run_is_counted() -> None:
    outcome = rehearsed("ten-points", seed=1, units=50)
    assert outcome.failures == ()
    assert outcome.added["messages"] > 0
    assert [sweep.name for sweep in SWEEPS] == list(TRIED)


def test_a_stop_is_counted_by_its_share_and_cause() -> None:
    stopped = counts_of(RolloutState.STOPPED, "simulated revision 1: 5 of 73 failed", 0.004, 0.01)
    assert stopped == {"stopped": 1, "stopped_up_to_0.5_percent": 1, "in_time": 1, "by_the_bad_revision": 1}
    late = counts_of(RolloutState.STOPPED, "simulated revision 10: 5 of 73 failed", 0.012, 0.01)
    assert (late["in_time"], late["by_the_bad_revision"]) == (0, 0)
    assert counts_of(RolloutState.FINISHED, "", 0.95, None) == {"finished": 1}


def test_a_broken_rule_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: Rehearsal) -> None:
        raise BrokenRuleError("PT000000018 restarted in a call")

    monkeypatch.setattr(Rehearsal, "run", broken)
    assert rehearsed("ten-points", seed=1, units=5).failures == ("PT000000018 restarted in a call",)
