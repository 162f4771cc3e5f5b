"""How somebody may want a rollout to go, as chance says: its plan, and how units are to take it."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from fleet.domain.treatment import SOFTLY, Mode, Treatment


def a_treatment(chance: Random, now: datetime) -> Treatment:
    """How units are to take a rollout; most often softly."""
    return chance.choice(
        (
            SOFTLY,
            SOFTLY,
            Treatment(deadline=now + timedelta(days=1)),
            Treatment(not_before=now + timedelta(hours=2)),
            Treatment(Mode.FORCED),
            Treatment(Mode.DOWNLOAD_ONLY),
        )
    )


def a_plan(chance: Random) -> dict[str, object]:
    """A plan as somebody may write it; some are refused."""
    groups = [_a_group(chance, number) for number in range(chance.randint(0, 2))]
    last = _a_group(chance, len(groups)) | {"name": "rest"}
    for key in ("size", "up_to_percent", "filter"):
        last.pop(key, None)
    plan: dict[str, object] = {"group": [*groups, last], "hold_back_percent": chance.choice((0, 25, 40))}
    plan["joining"] = chance.choice(("registered", "dynamic"))
    slots = {"download_slots": chance.randint(1, 2), "slot_minutes": chance.choice((10, 120))}
    ramp = {"units_per_hour": chance.choice((1, 3))}
    maybe = {
        "targets": {"revision": chance.choice((1, 2))},
        "evidence": {"minimum_failures": 1},
        "plain": {"failed_percent": chance.choice((10, 50)), "minimum_units": chance.randint(1, 3)},
        "pause_after_failures": chance.randint(1, 2),
        "send_back_to": "1.5.0",
        "pace": chance.choice((slots, ramp, slots | ramp)),
    }
    return plan | {key: value for key, value in maybe.items() if chance.random() < 0.4}


def _a_group(chance: Random, number: int) -> dict[str, object]:
    group: dict[str, object] = {"name": f"group {number}", "minimum_units": chance.randint(1, 3)}
    kinds = ({"size": chance.randint(1, 4)}, {"up_to_percent": 20 + 30 * number}, {"filter": {"revision": 2}})
    group |= chance.choice(kinds)
    group["success_percent"] = chance.choice((30, 95))
    group["soak_hours"], group["deadline_hours"] = chance.choice((0, 1)), chance.choice((1, 4, 24))
    group["then"] = chance.choice(("next", "next", "pause"))
    return group
