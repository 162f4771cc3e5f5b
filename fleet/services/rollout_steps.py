"""A rollout's steps, by whomever: audited and told by webhook, and what it decides by itself on its counts."""

from __future__ import annotations

from fleet.domain.audit import AuditAction
from fleet.domain.errors import InvalidError
from fleet.domain.rollout import ENDS, TRANSITIONS, Command, Rollout, RolloutEvent, RolloutState, decide
from fleet.domain.transitions import advance
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import UnitOfWork

MAX_REASON_CHARACTERS = 500


def step(uow: UnitOfWork, rollout: Rollout, event: RolloutEvent, reason: str = "") -> Rollout:
    """The rollout after `event`, audited and told by webhook; IllegalTransitionError if its table has no such step."""
    if len(reason) > MAX_REASON_CHARACTERS:
        raise InvalidError(f"a reason has at most {MAX_REASON_CHARACTERS} characters, got {len(reason)}")
    state = advance(TRANSITIONS, rollout.state, event, rollout.reference)
    ended = uow.now if state in ENDS else None
    entered = {"since": uow.now} if state is not rollout.state else {}
    changed = RolloutRepository(uow).change(rollout, state=state, reason=reason, ended_at=ended, **entered)
    uow.audit(AuditAction(f"rollout:{event}"), rollout.reference, ["state"])
    uow.send(
        "webhook",
        f"{rollout.reference}:{changed.version}",
        {"event": f"rollout_{event}", "rollout": rollout.reference, "state": state, "reason": reason},
    )
    return changed


def start_approved(uow: UnitOfWork, rollout: Rollout, approver: str | None, reason: str) -> Rollout:
    """The draft, started: it was approved with another rollout, which `reason` names."""
    store = RolloutRepository(uow)
    rollout = step(uow, rollout, RolloutEvent.SUBMIT, reason)
    rollout = step(uow, store.change(rollout, approver=approver), RolloutEvent.APPROVE, reason)
    return step(uow, store.change(rollout, started_at=uow.now), RolloutEvent.START, reason)


def settle(uow: UnitOfWork, rollout: Rollout) -> Rollout:
    """The held rollout after what it decides by itself now; one by groups that runs is steered (rollout_steering)."""
    if rollout.by_groups and rollout.state is not RolloutState.STOPPING:
        return rollout
    rollout = RolloutRepository(uow).get(rollout.id)  # units may have moved since it was read
    for command in decide(rollout.snapshot, uow.now):
        rollout = follow(uow, rollout, command)
    return rollout


def follow(uow: UnitOfWork, rollout: Rollout, command: Command) -> Rollout:
    """The rollout after a step it decided on; one that stopped goes on saying why."""
    reason = command.reason
    if command.event is RolloutEvent.SETTLE and rollout.reason:
        reason = f"{rollout.reason}; {reason}"[:MAX_REASON_CHARACTERS]
    return step(uow, rollout, command.event, reason)
