"""EQUIPMENT's long check: random histories of an account, the domain against the oracle of the equipment rules."""

from __future__ import annotations

from random import Random

from tests.fleet.domain.equipment_model.playing import play_history
from tests.sweeps.sweep import Outcome, Sweep

_HISTORIES = 25  # a seed
_LENGTHS = (30, 60, 100, 160)


def histories(seed: int) -> Outcome:
    """Some histories, of several lengths; the count is that of their events."""
    random = Random(seed)
    events = refused = 0
    failures: list[str] = []
    for number in range(_HISTORIES):
        length, own = random.choice(_LENGTHS), seed * _HISTORIES + number
        try:
            play, differences = play_history(own, length)
        except Exception as error:
            failures.append(f"history {own} of {length}: {type(error).__name__}: {error}")
            continue
        events += play.events.total()
        refused += play.refused.total()
        failures += [f"history {own} of {length}: {line}" for line in differences]
    return Outcome(events, tuple(failures), {"refused_acts": refused})


SWEEPS = [Sweep("histories", "events", histories)]
