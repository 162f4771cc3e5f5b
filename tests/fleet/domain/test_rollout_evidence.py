"""The wealth never grows by chance, however often it is looked at; its bound is of the excess; every count matters."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.domain.errors import InvalidError
from fleet.domain.rollout_evidence import MIN_HELD_BACK_AT_RISK, RATIOS, Arm, Evidence, together

NONE = Evidence()
HARM = NONE.look(0, Arm(125, 13), Arm(1250, 6))


def chance_of(failed: int, of: int, rate: float) -> float:
    """Binomial."""
    return math.comb(of, failed) * rate**failed * (1 - rate) ** (of - failed)


@settings(max_examples=30)
@given(st.integers(1, 25), st.integers(20, 40), st.floats(0.0, 0.5), st.floats(0.0, 0.4))
def test_the_first_look_is_worth_at_most_1_on_average(r1: int, r0: int, background: float, limit: float) -> None:
    expected = 0.0
    for x1 in range(r1 + 1):
        for x0 in range(r0 + 1):
            likely = chance_of(x1, r1, background + limit) * chance_of(x0, r0, background)
            if likely > 1e-12:
                expected += likely * math.exp(NONE.look(0, Arm(r1, x1), Arm(r0, x0)).log_wealth(limit))
    assert expected <= 1 + 1e-9


@settings(max_examples=6)
@given(st.integers(1, 4), st.integers(0, 2), st.floats(0.0, 0.3), st.floats(0.0, 0.3), st.floats(0.0, 1.0))
def test_a_second_look_at_the_same_units_is_worth_no_more(
    r1: int, more: int, background: float, limit: float, at_once: float
) -> None:
    """The units' excess, `limit` in all, shows in part at the first look, for the rest at the second."""
    expected = 0.0
    for x1, x0 in [(x1, x0) for x1 in range(r1 + 1) for x0 in range(21)]:
        likely = chance_of(x1, r1, background + at_once * limit) * chance_of(x0, 20, background)
        if likely < 1e-6:
            continue
        first = NONE.look(0, Arm(r1, x1), Arm(20, x0))
        left1, left0 = r1 - x1 + more, 20 - x0 + 5
        for y1, y0 in [(y1, y0) for y1 in range(left1 + 1) for y0 in range(left0 + 1)]:
            then = chance_of(y1, left1, background + (1 - at_once) * limit) * chance_of(y0, left0, background)
            if then > 1e-6:
                second = first.look(0, Arm(r1 + more, x1 + y1), Arm(25, x0 + y0))
                expected += likely * then * math.exp(second.log_wealth(limit))
    assert expected <= 1 + 1e-9


def test_looking_after_every_unit_raises_no_more_false_alarms_than_promised() -> None:
    alpha, runs, alarms = 0.1, 120, 0
    for seed in range(runs):
        chance = random.Random(seed)
        evidence, arms = NONE, [Arm(), Arm()]
        for unit in range(240):
            if unit % 80 == 0:
                arms = [Arm(), Arm()]
            arms = [arm + Arm(1, int(chance.random() < 0.1)) for arm in arms]
            evidence = evidence.look(unit // 80, *arms)
            if evidence.log_wealth(0.0) >= -math.log(alpha):
                alarms += 1
                break
    assert alarms <= runs * alpha


def test_harm_is_seen_with_how_much_it_is_for_sure() -> None:
    bound = HARM.lower_bound(0.0025)
    assert bound is not None
    assert 0.005 < bound < HARM.excess() == pytest.approx(13 / 125 - 6 / 1250)
    assert HARM.log_wealth(bound) == pytest.approx(-math.log(0.0025))
    assert HARM.log_wealth(bound + 0.001) < -math.log(0.0025)


def test_who_is_to_be_surer_knows_less() -> None:
    sure, surer = HARM.lower_bound(0.01), HARM.lower_bound(0.0001)
    assert sure is not None
    assert surer is not None
    assert sure > surer
    assert HARM.lower_bound(1e-12) is None


def test_both_arms_failing_alike_is_no_evidence() -> None:
    alike = NONE.look(0, Arm(1250, 60), Arm(1250, 60))
    assert alike.lower_bound(0.5) is None
    assert alike.excess() == 0.0
    assert NONE.excess() == 0.0


@given(st.integers(0, 100), st.integers(0, 99))
def test_each_failure_with_the_release_counts_against_it_and_each_without_for_it(x1: int, x0: int) -> None:
    here = NONE.look(0, Arm(200, x1), Arm(100, x0)).log_wealth(0.0)
    assert NONE.look(0, Arm(200, x1 + 1), Arm(100, x0)).log_wealth(0.0) > here
    assert NONE.look(0, Arm(200, x1), Arm(100, x0 + 1)).log_wealth(0.0) < here


def test_a_window_waits_for_held_back_units_and_loses_nothing_by_it() -> None:
    few = NONE.look(0, Arm(50, 9), Arm(MIN_HELD_BACK_AT_RISK - 1, 0))
    assert (few.scores, few.charges) == (NONE.scores, NONE.charges)
    assert (few.treated, few.held_back) == (Arm(50, 9), Arm(MIN_HELD_BACK_AT_RISK - 1, 0))
    assert few.look(0, Arm(60, 10), Arm(400, 1)) == NONE.look(0, Arm(60, 10), Arm(400, 1))
    assert NONE.look(0, Arm(), Arm(400, 1)).scores == NONE.scores
    assert NONE.look(0, Arm(50, 9), Arm()).excess() == 9 / 50
    with pytest.raises(InvalidError, match="only grow"):
        few.look(0, Arm(49, 9), Arm(400, 1))


def test_a_stake_never_grows_in_its_window_and_is_new_in_the_next() -> None:
    first = NONE.look(0, Arm(100), Arm(50))
    later = first.look(0, Arm(110), Arm(5000))
    assert later.windows[0].stakes == first.windows[0].stakes
    at_first = first.windows[0].stakes or ()
    assert len(at_first) == len(RATIOS)
    assert (later.look(1, Arm(110), Arm(5000)).windows[1].stakes or ()) > at_first
    assert (first.look(0, Arm(1000), Arm(50)).windows[0].stakes or ()) < at_first


def test_windows_add_up() -> None:
    both = HARM.look(1, Arm(250, 20), Arm(1250, 5))
    assert (both.treated, both.held_back) == (Arm(375, 33), Arm(2500, 11))
    assert both.log_wealth(0.0) > HARM.log_wealth(0.0)


def test_revisions_together_are_compared_each_within_itself() -> None:
    # One revision fails ten times as often as the other, with the release or without: no harm in that.
    weak = NONE.look(0, Arm(1000, 100), Arm(100, 10))
    strong = NONE.look(0, Arm(100, 1), Arm(1000, 10))
    total = together([weak, strong])
    assert (total.treated, total.held_back) == (Arm(1100, 101), Arm(1100, 20))
    assert total.lower_bound(0.01) is None
    assert together([HARM, HARM]).scores == tuple(2 * score for score in HARM.scores)
    assert together([]) == NONE


@pytest.mark.parametrize(("treated", "held_back"), [(Arm(124, 13), Arm(1250, 6)), (Arm(125, 13), Arm(1250, 5))])
def test_a_count_that_goes_down_is_refused(treated: Arm, held_back: Arm) -> None:
    with pytest.raises(InvalidError, match="only grow; give all counts so far"):
        HARM.look(0, treated, held_back)


@pytest.mark.parametrize(("watched", "failed"), [(1, 2), (0, -1)])
def test_more_failures_than_units_are_refused(watched: int, failed: int) -> None:
    with pytest.raises(InvalidError, match="cannot have failed; count each once"):
        Arm(watched, failed)
