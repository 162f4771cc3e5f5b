"""A unit stands in exactly one group or in the hold-back, by its point; a group grows at the cost of later ones."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.errors import InvalidError
from fleet.domain.rollout_groups import (
    ALL,
    HELD_BACK,
    MAX_FILTER_VALUES,
    MAX_GROUPS,
    Filter,
    Group,
    Joining,
    Placement,
    Plan,
    UnitFacts,
    point_of,
)

BOARDS, CHANNELS = ("simulated", "esp32"), ("stable", "beta")
REST = Group("rest")
FACTS = UnitFacts("PT-000001", "simulated", 1, "1.0.0", "stable", "AC-1", "new")
BETA = Filter(channel=frozenset({"beta"}))
SERIALS = [f"PT-{number:06}" for number in range(20_000)]

points = st.floats(0.0, 1.0, exclude_max=True)
units = st.builds(
    UnitFacts,
    serial=st.just("PT-1"),
    board=st.sampled_from(BOARDS),
    revision=st.integers(1, 3),
    version=st.sampled_from(("1.0.0", "1.1.0")),
    channel=st.sampled_from(CHANNELS),
    account=st.sampled_from(("", "AC-1", "AC-2")),
    condition=st.sampled_from(("new", "refurbished")),
)
filters = st.builds(
    Filter,
    board=st.frozensets(st.sampled_from(BOARDS)),
    revision=st.frozensets(st.integers(1, 3)),
    channel=st.frozensets(st.sampled_from(CHANNELS)),
    account=st.frozensets(st.sampled_from(("", "AC-1"))),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Groups by growing shares, some of them filtered, then the rest."""
    hold_back = draw(st.sampled_from((0.0, 0.05, 0.4)))
    shares = sorted(draw(st.sets(st.integers(1, 599), max_size=6)))
    groups = [Group(f"group {share}", share / 1000, filter=draw(st.just(ALL) | filters)) for share in shares]
    return Plan((*groups, REST), hold_back, draw(st.just(ALL) | filters))


# --- Points -------------------------------------------------------------------------------------------------------


def test_a_point_is_what_the_docs_say() -> None:
    # printf 'plugtone rollout\0RO-7\0PT-000001' | sha256sum; the first 53 bits over 2^53.
    assert point_of("PT-000001", "RO-7") == (0x04D7D07C119A570F >> 11) / (1 << 53)


@pytest.mark.parametrize("share", [0.003, 0.05, 0.25, 0.5])
def test_a_share_of_the_points_is_within_what_chance_allows(share: float) -> None:
    inside = sum(point_of(serial, "RO-1") < share for serial in SERIALS)
    five_sigma = 5 * math.sqrt(len(SERIALS) * share * (1 - share))
    assert abs(inside - len(SERIALS) * share) < five_sigma


def test_the_canaries_of_one_rollout_are_not_those_of_the_next() -> None:
    share = 0.1
    both = sum(point_of(serial, "RO-1") < share and point_of(serial, "RO-2") < share for serial in SERIALS)
    expected = len(SERIALS) * share * share
    assert abs(both - expected) < 5 * math.sqrt(expected)


# --- Membership ---------------------------------------------------------------------------------------------------


@given(plans(), units, points)
def test_a_target_is_in_exactly_one_group_or_the_hold_back(plan: Plan, facts: UnitFacts, point: float) -> None:
    placement = plan.place(facts, point)
    if not plan.targets.takes(facts):
        assert placement is None
        return
    assert placement is not None
    opened = [number for number in range(len(plan.groups) + 1) if placement.is_open(number)]
    if placement == HELD_BACK:
        assert point >= 1 - plan.hold_back
        assert opened == []
    else:
        assert placement.group is not None
        group = plan.groups[placement.group]
        assert point < group.up_to
        assert group.filter.takes(facts)
        assert opened == list(range(placement.group + 1, len(plan.groups) + 1))


@given(plans(), units, points, st.integers(0, 5), st.floats(0.0, 1.0))
def test_a_group_that_grows_only_takes_from_later_groups(
    plan: Plan, facts: UnitFacts, point: float, which: int, by: float
) -> None:
    if which >= len(plan.groups) - 1:
        return
    grown = list(plan.groups)
    grown[which] = replace(grown[which], up_to=grown[which].up_to + by * (0.6 - grown[which].up_to))
    try:
        after = replace(plan, groups=tuple(grown)).place(facts, point)
    except InvalidError:  # it outgrew a group after it
        return
    before = plan.place(facts, point)
    if before != after:
        assert after == Placement(which)
        assert before is not None
        assert before.group is not None
        assert before.group > which


@given(plans(), units, points)
def test_whom_a_larger_hold_back_takes_comes_from_the_end(plan: Plan, facts: UnitFacts, point: float) -> None:
    larger = replace(plan, hold_back=plan.hold_back + 0.0005 if plan.hold_back else 0.3)
    before, after = plan.place(facts, point), larger.place(facts, point)
    if before != after:
        assert after == HELD_BACK
        assert point >= 1 - larger.hold_back


def test_a_canary_by_channel_comes_before_a_share_of_all() -> None:
    plan = Plan((Group("beta", filter=BETA), Group("first", 0.01), REST), hold_back=0.05)
    beta = replace(FACTS, channel="beta")
    assert plan.place(beta, 0.9) == Placement(0)
    assert plan.place(FACTS, 0.005) == Placement(1)
    assert plan.place(FACTS, 0.9) == Placement(2)
    assert plan.place(beta, 0.96) == plan.place(FACTS, 0.96) == HELD_BACK


@pytest.mark.parametrize(
    "taken",
    [
        {"board": frozenset({"esp32"})}, {"revision": frozenset({2, 3})}, {"version": frozenset({"0.9"})},
        {"channel": frozenset({"beta"})}, {"account": frozenset({"AC-2"})}, {"condition": frozenset({"refurbished"})},
    ],
)  # fmt: skip
def test_a_unit_outside_the_targets_is_nowhere(taken: dict[str, frozenset[str]]) -> None:
    plan = Plan((REST,), targets=Filter(**taken))  # type: ignore[arg-type]
    assert plan.place(FACTS, 0.5) is None


def test_a_size_becomes_a_share_of_those_its_filter_takes() -> None:
    sized = Plan((Group("ten", size=10), Group("beta", size=30, filter=BETA), Group("tenth", 0.1), REST))
    assert sized.place(FACTS, 0.0) == Placement(2)  # nobody is in a size before the start
    fixed = sized.fixed([1000, 100, 1000, 1000])
    assert [group.up_to for group in fixed.groups] == [0.01, 0.31, 0.1, 1.0]
    assert {group.size for group in fixed.groups} == {None}
    assert fixed.place(FACTS, 0.009) == Placement(0)
    assert fixed.place(replace(FACTS, channel="beta"), 0.3) == Placement(1)
    assert sized.fixed([10_000, 0, 10_000, 10_000]).groups[1].up_to == 1.0


# --- Plans that are refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "1 to 40 characters, got ''"),
        ({"up_to": 0.0}, "'rest': up_to_percent is 0, allowed is more than 0, at most 100"),
        ({"up_to": 1.2}, "up_to_percent is 120"),
        ({"size": 0}, "size is 0, allowed is 1 or more"),
        ({"success": 0.0}, "success_percent is 0"),
        ({"minimum": 0}, "minimum_units is 0, allowed is 1 or more"),
        ({"soak": timedelta(days=91)}, "soak_hours is 2184, allowed is 0 to 2160"),
        ({"deadline": timedelta(0)}, "deadline_hours is 0, allowed is more than 0, at most 2160"),
    ],
)
def test_a_group_out_of_range_says_what_is_allowed(changed: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidError) as refused:
        replace(REST, **changed)  # type: ignore[arg-type]
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("groups", "hold_back", "said"),
    [
        ((REST,), 0.96, "hold_back_percent is 96, allowed is 0 to 95"),
        ((), 0.0, "1 to 32 groups, got 0"),
        ((REST,) * (MAX_GROUPS + 1), 0.0, "got 33"),
        ((Group("rest", 0.1), REST), 0.0, "two groups are called 'rest'"),
        ((Group("ten", 0.1),), 0.0, "the last group, 'ten', leaves units out"),
        ((Group("beta", filter=BETA),), 0.0, "'beta', leaves units out"),
        ((Group("some", size=5),), 0.0, "'some', leaves units out"),
        ((Group("a", 0.1), Group("b", 0.1), REST), 0.0, "'b' reaches 10 % of the fleet, and 'a' before it 10 %"),
        ((Group("a", 0.95), REST), 0.05, "'a' reaches 95 % and 5 % are held back: nobody is left"),
    ],
)
def test_a_plan_that_cannot_be_says_what_to_do(groups: tuple[Group, ...], hold_back: float, said: str) -> None:
    with pytest.raises(InvalidError) as refused:
        Plan(groups, hold_back)
    assert said in str(refused.value)


def test_a_filter_is_bounded() -> None:
    with pytest.raises(InvalidError, match="at most 200 values of account, got 201"):
        Filter(account=frozenset(f"AC-{number}" for number in range(MAX_FILTER_VALUES + 1)))


def test_a_plan_says_whether_later_units_join() -> None:
    assert Plan((REST,)).joining is Joining.REGISTERED
    assert Plan((REST,), joining=Joining.DYNAMIC).joining is Joining.DYNAMIC


def test_about_how_many_units_a_group_has_is_known_before_it_opens() -> None:
    groups = (Group("beta", filter=BETA), Group("tenth", 0.1), Group("half", 0.5), REST)
    assert Plan(groups, hold_back=0.05).sizes(1_000, [100, 0, 0, 0]) == (95, 100, 400, 355)
    assert Plan((REST,)).sizes(1_000, [0]) == (1_000,)
    assert Plan((Group("beta", filter=BETA), Group("old", filter=BETA), REST)).sizes(10, [9, 9, 0]) == (9, 9, 0)


@given(plans())
def test_sizes_are_right_where_no_group_is_filtered(plan: Plan) -> None:
    plan = replace(plan, targets=ALL, groups=tuple(replace(group, filter=ALL) for group in plan.groups))
    sizes = plan.sizes(1_000, [0] * len(plan.groups))
    placed = [plan.place(FACTS, number / 1_000) for number in range(1_000)]
    for number, size in enumerate(sizes):
        assert abs(placed.count(Placement(number)) - size) <= len(sizes)
