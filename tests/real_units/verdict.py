"""Whether a rehearsal with real units ended as it must: each unit's own word against plan, fleet and scenario.

- Held-back units, and those whose group never opened, run what they ran.
- Every other one runs the release and is confirmed, or the fleet gives one cause why not, and one that it can explain.
- What the fleet counts is what units said; failures of a bad revision are counted as such.
- A scenario that has to finish finishes. One that has to be stopped need not be: so few units may be no evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleet.domain.rollout import RolloutState, UnitProgress, UnitState
from fleet.domain.rollout_groups import HELD_BACK
from fleet.domain.update_cause import Cause
from fleet.rehearsal.judge import BrokenRuleError
from fleet.rehearsal.service import MANAGER
from fleet.store.rollouts import RolloutRepository
from hil_tests.rig.house import FIRST
from tools.demo.world import NotSeenError

if TYPE_CHECKING:
    from tests.real_units.among import Rehearsal

LOOK_LIMIT_S: Final = 60.0  # evidence is looked at every 15 seconds
STOPPED: Final = (RolloutState.STOPPING, RolloutState.STOPPED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`causes` of units that are not where the rollout wants them, and how many have each."""

    causes: Mapping[str, int]
    faults: tuple[str, ...]


def of(rehearsal: Rehearsal) -> Verdict:
    """After everybody is done."""
    with rehearsal.services.transactions.read(MANAGER) as uow:
        number = int(rehearsal.rollout.partition("-")[2])
        parts = {
            part.serial: part for part in RolloutRepository(uow).units(number, len(rehearsal.placements) + 1, None)
        }
    causes = Counter[str]()
    faults = [
        *_of_units(rehearsal, parts, causes),
        *_of_counts(rehearsal, parts),
        *_of_evidence(rehearsal, parts),
        *_of_state(rehearsal),
    ]
    return Verdict(dict(causes), tuple(faults))


def _of_units(rehearsal: Rehearsal, parts: Mapping[str, UnitProgress], causes: Counter[str]) -> Iterator[str]:
    opened = sum(group["opened_at"] is not None for group in rehearsal.detail()["course"]["groups"])
    runs = {unit.serial: unit.board.pins().version for unit in rehearsal.units}
    runs |= {serial: unit.image.version for serial, unit in rehearsal.crowd.units.items()}
    for serial, placement in rehearsal.placements.items():
        version, part = runs[serial], parts.get(serial)
        if (placement is None or not placement.is_open(opened)) and version != FIRST:
            yield f"{serial} runs {version}, and is {'held back' if placement == HELD_BACK else 'of a later group'}"
        cause = rehearsal.services.update_explanations.explain(MANAGER, serial).cause
        there = version == rehearsal.version and part is not None and part.state is UnitState.CONFIRMED
        if cause is not None:
            causes[cause] += 1
        if there is not (cause is None) or cause is Cause.UNEXPLAINED:
            state = part.state if part else "no part of it"
            yield f"{serial} runs {version}, is {state} by the fleet, and its cause is {cause}"


def _of_counts(rehearsal: Rehearsal, parts: Mapping[str, UnitProgress]) -> Iterator[str]:
    counts = {UnitState(name): count for name, count in rehearsal.detail()["counts"].items()}
    try:
        rehearsal.crowd.judge.compare(parts, counts)
    except BrokenRuleError as error:
        yield str(error)


def _of_evidence(rehearsal: Rehearsal, parts: Mapping[str, UnitProgress]) -> Iterator[str]:
    """Nothing is looked at any more once it stopped."""
    for fault in rehearsal.scenario.fault:
        name = f"{fault.board} revision {fault.revision}"
        reverted = sum(
            part.state is UnitState.REVERTED and rehearsal.revisions[serial] == fault.revision
            for serial, part in parts.items()
        )

        def counted(name: str = name, reverted: int = reverted) -> bool:
            detail = rehearsal.detail()
            failed = sum(each["treated_failed"] for each in detail["course"]["revisions"] if each["name"] == name)
            return detail["state"] in STOPPED or failed >= reverted

        try:
            rehearsal.stage.house.world.until(f"{reverted} failures of {name} counted", counted, LOOK_LIMIT_S)
        except NotSeenError as error:
            yield str(error)


def _of_state(rehearsal: Rehearsal) -> Iterator[str]:
    detail, expect = rehearsal.detail(), rehearsal.scenario.expect
    if expect.rollout_state is RolloutState.FINISHED and detail["state"] != RolloutState.FINISHED:
        yield f"it is {detail['state']}, and has to be finished: {detail['reason']}"
    if detail["state"] in STOPPED and not detail["reason"].startswith(expect.by or "-"):
        yield f"it stopped, the reason is {detail['reason']!r}, and has to begin with {expect.by!r}"
