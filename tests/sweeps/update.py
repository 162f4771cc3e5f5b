"""UPDATE's long checks: power cuts at every flash operation, and mutated metadata, images and deltas."""

from __future__ import annotations

import random
from pathlib import Path

from tests.firmware.power_cuts import stand_ins

stand_ins.install()

from tests.firmware.fuzzing.both_interpreters import fuzz_both  # noqa: E402
from tests.firmware.fuzzing.image_fuzz import fuzz_deltas, fuzz_images  # noqa: E402
from tests.firmware.fuzzing.metadata_fuzz import fuzz_metadata  # noqa: E402
from tests.firmware.power_cuts.device_files import sweep_files  # noqa: E402
from tests.firmware.power_cuts.provisioning import ProvisioningSweep  # noqa: E402
from tests.firmware.power_cuts.resetting import ResetSweep  # noqa: E402
from tests.firmware.power_cuts.scenarios import SCENARIOS, tell  # noqa: E402
from tests.firmware.power_cuts.sweep import StorySweep  # noqa: E402
from tests.sweeps.distinct import Distinct  # noqa: E402
from tests.sweeps.sweep import Outcome, Sweep  # noqa: E402

_OF_THE_BENCH = {"identity provisioning": ProvisioningSweep, "factory reset": ResetSweep}
_FILES_SHARE = 8  # one in so many; the next seed has other steps
_MUTANTS = ((fuzz_metadata, 12_000), (fuzz_images, 4000), (fuzz_deltas, 6000), (fuzz_both, 400))  # a seed
_STATES = Distinct(Path(__file__).parents[2] / ".soak" / "update.states")


def power_cuts(seed: int) -> Outcome:
    """Every cut point of one scenario as `seed` tells it; the seeds go through the scenarios in turn."""
    names = [*SCENARIOS, *_OF_THE_BENCH]
    name = names[seed % len(names)]
    if name in _OF_THE_BENCH:
        tally = _OF_THE_BENCH[name](seed).run()
    else:
        with stand_ins.remembered_verdicts():
            tally = StorySweep(tell(name, seed), random.Random(seed)).run()
    added = {"lives": tally.lives, "cuts_after_a_cut": tally.second_cuts}
    failures = tuple(tally.failures[:20])
    return Outcome(tally.cut_points, failures, added, {"distinct_flash_states": _STATES.add(tally.states)})


def fuzz(seed: int) -> Outcome:
    """Mutants of metadata, images and deltas; a share of them under MicroPython too."""
    count = accepted = 0
    failures: list[str] = []
    for run, mutants in _MUTANTS:
        found, faults = run(seed, mutants)
        count += mutants
        accepted += found
        failures += faults
    return Outcome(count, tuple(failures[:20]), {"accepted_unchanged": accepted})


def files(seed: int) -> Outcome:
    """A share of the cut points of the metadata files, on MicroPython's own littlefs."""
    count, failures = sweep_files(seed, _FILES_SHARE)
    return Outcome(count, tuple(failures[:20]))


SWEEPS = [
    Sweep("power_cuts", "cut points", power_cuts),
    Sweep("fuzz", "mutants", fuzz),
    Sweep("files", "cut points", files),
]
