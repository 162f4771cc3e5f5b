"""The domain's long check: mutants of `fleet/domain`, a slice a seed; of all of them at least 85 % are killed.

The slices are drawn by a digest of the names, so that each is a fair sample and a run may stop after any of them.
"""

from __future__ import annotations

from hashlib import sha256

from tests.mutants.judging import MutationRunError, Verdicts
from tests.sweeps.sweep import Outcome, Sweep

SLICE = 200
LEAST_PERCENT = 85


def mutants(seed: int) -> Outcome:
    """The seed's slice is judged; the standing is that of all mutants that have a verdict."""
    verdicts = Verdicts.load()
    names = [mutant.name for mutant in verdicts.mutants]
    try:
        count = verdicts.judge(drawn(names, seed))
    except MutationRunError as error:
        return Outcome(0, (str(error),))
    percent = verdicts.score_percent()
    failures = ()
    if len(verdicts.known) == len(names) and percent < LEAST_PERCENT:
        failures = (f"{percent:.1f} % of {len(names)} mutants are killed, want {LEAST_PERCENT} %",)
    return Outcome(count, failures, standing={**verdicts.counts(), "percent_killed": round(percent, 1)})


def drawn(names: list[str], seed: int) -> list[str]:
    """A seed's slice; after the last one they come round again."""
    shuffled = sorted(names, key=lambda name: sha256(name.encode()).digest())
    slices = -(-len(names) // SLICE)
    start = seed % slices * SLICE
    return shuffled[start : start + SLICE]


SWEEPS = [Sweep("mutants", "mutants", mutants)]
