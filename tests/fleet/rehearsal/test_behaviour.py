"""Chance, absences, calls and troubles of simulated units."""

from __future__ import annotations

import pytest

from fleet.rehearsal.behaviour import DAY_S, NEVER_S, Absence, Background, CallPattern, Fate, Odds, Storm, Trouble
from fleet.rehearsal.chance import Chance


def test_chance_is_the_published_sequence_and_goes_the_same_way_each_time() -> None:
    # The first of seed 0 in the reference implementation of SplitMix64 (Vigna, splitmix64.c).
    assert Chance(0).below(1 << 64) == 0xE220A8397B1DCDAF
    one, same, other = Chance.of(1, "PT000000018"), Chance.of(1, "PT000000018"), Chance.of(1, "PT000000026")
    drawn = [one.random() for _ in range(1000)]
    assert drawn == [same.random() for _ in range(1000)] != [other.random() for _ in range(1000)]
    assert 0.45 < sum(drawn) / 1000 < 0.55
    assert {one.below(3) for _ in range(100)} == {0, 1, 2}


def test_an_absence_comes_again_and_is_over_in_time() -> None:
    nights = Absence(DAY_S, 8 * 3600, 4 * 3600)
    assert nights.until(4 * 3600) == 12 * 3600 == nights.until(12 * 3600 - 1)
    assert nights.until(12 * 3600) == 0 == nights.until(4 * 3600 - 1)
    assert nights.next(0) == 4 * 3600
    assert nights.next(4 * 3600) == DAY_S + 4 * 3600


def test_calls_come_as_often_as_they_should_and_the_same_at_each_look() -> None:
    calls = CallPattern(8.5, 1200)
    up = [calls.until(9, at_s) for at_s in range(0, 30 * DAY_S, 300)]
    assert up == [calls.until(9, at_s) for at_s in range(0, 30 * DAY_S, 300)]
    assert 0.09 < sum(map(bool, up)) / len(up) < 0.14  # 8.5 times 20 minutes of a day, some at once
    assert all(at_s < end_s <= at_s + 1200 for at_s, end_s in zip(range(0, 30 * DAY_S, 300), up, strict=True) if end_s)
    assert not CallPattern().until(9, 0)


def test_a_storm_brings_trouble_as_many_times_as_often_while_it_lasts() -> None:
    storm = Background(2.0, 0.25, storms=(Storm(100 * DAY_S, 200 * DAY_S, 3.0),))
    chance, at_s = Chance(1), 0
    found: dict[bool, list[Trouble]] = {True: [], False: []}
    while (at_s := storm.next(at_s, chance)) < 300 * DAY_S:
        trouble = storm.draw(at_s, chance)
        if trouble is not None:
            found[100 * DAY_S <= at_s < 200 * DAY_S].append(trouble)
    assert len(found[False]) == pytest.approx(400, rel=0.15)
    assert len(found[True]) == pytest.approx(600, rel=0.15)
    assert found[True].count(Trouble.SILENCE) == pytest.approx(150, rel=0.3)
    assert Background().next(5, chance) == NEVER_S


def test_fates_come_by_their_shares() -> None:
    odds, chance = Odds(((Fate.REVERTS, 0.2), (Fate.GOES_DARK, 0.1))), Chance(1)
    drawn = [odds.draw(chance) for _ in range(10_000)]
    assert drawn.count(Fate.REVERTS) == pytest.approx(2000, rel=0.1)
    assert drawn.count(Fate.GOES_DARK) == pytest.approx(1000, rel=0.1)
    assert drawn.count(Fate.WELL) == pytest.approx(7000, rel=0.1)
