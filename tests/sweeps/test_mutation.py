"""A pass draws every mutant once; the score counts what no test failed for."""

from __future__ import annotations

from pathlib import Path

from tests.mutants.judging import Verdicts
from tests.mutants.tree import Mutant
from tests.sweeps.mutation import SLICE, drawn

NAMES = [f"fleet.domain.term.x_fold__mutmut_{number}" for number in range(2 * SLICE + 1)]


def test_three_slices_draw_every_mutant_once_and_the_fourth_begins_anew() -> None:
    assert sorted(name for seed in range(3) for name in drawn(NAMES, seed)) == sorted(NAMES)
    assert drawn(NAMES, 3) == drawn(NAMES, 0)
    assert drawn(NAMES, 0) != NAMES[:SLICE]


def test_what_survives_or_has_no_test_is_not_killed() -> None:
    mutants = [Mutant(name, "d") for name in NAMES[:4]]
    words = ("killed", "timeout", "survived", "no tests")
    verdicts = Verdicts(Path(), mutants, {m.name: (word, "d") for m, word in zip(mutants, words, strict=True)})
    assert verdicts.score_percent() == 50
    assert verdicts.survivors() == NAMES[2:4]
    assert verdicts.counts() == {"mutants": 4, "killed": 1, "timeout": 1, "survived": 1, "no_tests": 1}
    assert mutants[0].function == "fleet.domain.term.x_fold"


def test_without_verdicts_there_is_no_score() -> None:
    assert Verdicts(Path()).score_percent() == 0
