"""Minimum versions: proposed, approved by somebody else, told to accounts, and held to (equipment rules 6).

The job goes on where it was cut off: who was told, and on which days a unit let an offer lie, is kept in the
transaction that does it. Every step of it is a batch of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, TypeVar

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import InvalidError
from fleet.domain.local_dates import local_date
from fleet.domain.minimum_version import (
    TRANSITIONS,
    MinimumEvent,
    MinimumState,
    MinimumVersion,
    Requirement,
    Support,
    check_begin,
    support,
)
from fleet.domain.policy import PolicyName
from fleet.domain.reason import check_why
from fleet.domain.release import ReleaseImage
from fleet.domain.rollout import check_approver
from fleet.domain.transitions import advance
from fleet.services.downlinks import Downlinks
from fleet.services.letters import write_to_administrators
from fleet.services.line_levels import set_line
from fleet.services.operators import require_operator
from fleet.store.minimum_versions import MinimumVersionRepository, TalliedUnit
from fleet.store.policy import PolicyRepository
from fleet.store.releases import ReleaseRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

BATCH: Final = 200
Found = TypeVar("Found")


class MinimumVersions:
    """The operator's policy, and the service's own holding to it."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    def page(self, actor: Actor, limit: int, after_id: int | None) -> list[MinimumVersion]:
        """At most `limit`, the newest first."""
        require_operator(actor, Permission.ROLLOUT_READ)
        with self._transactions.read(actor) as uow:
            return MinimumVersionRepository(uow).page(limit, after_id)

    def propose(self, actor: Actor, release: str, board: str | None, begins_on: date) -> MinimumVersion:
        """From that day on units have to run `release` or newer; somebody else has to approve it."""
        require_operator(actor, Permission.ROLLOUT_MANAGE)
        with self._transactions.begin(actor) as uow:
            found = ReleaseRepository(uow).by_version(release)
            if board is not None and board not in found.images:
                raise InvalidError(f"release {release} has no image for {board!r}, but for {', '.join(found.images)}")
            if found.beta:
                raise InvalidError(f"release {release} is beta: not every unit is given it, so none has to run it")
            check_begin(
                begins_on, self._today(uow), _days(uow, PolicyName.MINIMUM_VERSION_NOTICE_DAYS, self._today(uow))
            )
            author = RolloutRepository(uow).person_behind(actor)
            minimum = MinimumVersionRepository(uow).add(found.id, board, begins_on, author)
            uow.audit(AuditAction.MINIMUM_VERSION_PROPOSE, minimum.reference, ["release", "board", "begins_on"])
            uow.commit()
            return minimum

    def approve(self, actor: Actor, number: int) -> MinimumVersion:
        """Let it be told and held to; ForbiddenError for its author, InvalidError if there is no time to tell left."""
        require_operator(actor, Permission.ROLLOUT_APPROVE)
        with self._transactions.begin(actor) as uow:
            store = MinimumVersionRepository(uow)
            minimum, person = store.hold(number), RolloutRepository(uow).person_behind(actor)
            check_approver(minimum.author, person, minimum.reference)
            state = advance(TRANSITIONS, minimum.state, MinimumEvent.APPROVE, minimum.reference)
            today = self._today(uow)
            check_begin(minimum.begins_on, today, _days(uow, PolicyName.MINIMUM_VERSION_NOTICE_DAYS, today))
            minimum = store.change(minimum, state=state, approver=person)
            uow.audit(AuditAction.MINIMUM_VERSION_APPROVE, minimum.reference, ["state"])
            uow.commit()
            return minimum

    def withdraw(self, actor: Actor, number: int, why: str) -> MinimumVersion:
        """It asks nothing any more; who lost voice over it has it back at the job's next run."""
        require_operator(actor, Permission.ROLLOUT_MANAGE)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            store = MinimumVersionRepository(uow)
            minimum = store.hold(number)
            state = advance(TRANSITIONS, minimum.state, MinimumEvent.WITHDRAW, minimum.reference)
            minimum = store.change(minimum, state=state, reason=why)
            uow.audit(AuditAction.MINIMUM_VERSION_WITHDRAW, minimum.reference, ["state", "reason"])
            uow.commit()
            return minimum

    def hold_units(self, actor: Actor) -> int:
        """The job: tell accounts, count days, withhold voice and give it back; how many lines changed."""
        with self._transactions.read(actor) as uow:
            minima = MinimumVersionRepository(uow).held_to()
            images = {each.id: _images(uow, each) for each in minima}
        changed = 0
        for minimum in minima:
            if minimum.state is MinimumState.APPROVED:
                for board, image in images[minimum.id].items():
                    self._tell(actor, minimum, board, image)
                    if image.security:
                        self._count(actor, minimum, board, image.release_counter)
            changed += self._judge(actor, minimum)
        return changed

    def _tell(self, actor: Actor, minimum: MinimumVersion, board: str, image: ReleaseImage) -> None:
        def step(uow: UnitOfWork, _after: str) -> list[int]:
            store = MinimumVersionRepository(uow)
            accounts = store.untold(minimum.id, board, image.release_counter, BATCH)
            for account_id in accounts:
                write_to_administrators(
                    uow,
                    account_id,
                    f"minimum_version:{minimum.reference}:{account_id}",
                    f"Your adapters need version {minimum.release} from {minimum.begins_on} on",
                    _letter(minimum, image.security),
                )
                store.note_told(minimum.id, account_id, self._today(uow))
            return accounts

        self._in_batches(actor, step, str)

    def _count(self, actor: Actor, minimum: MinimumVersion, board: str, counter: int) -> None:
        def step(uow: UnitOfWork, after: str) -> list[TalliedUnit]:
            store = MinimumVersionRepository(uow)
            found = store.offered(minimum.id, board, counter, after, BATCH)
            for unit in found:
                if unit.heard_at is not None:
                    tally = unit.tally.heard(local_date(unit.heard_at, self._downlinks.zone))
                    if tally != unit.tally:
                        store.save_tally(unit, tally)
            return found

        self._in_batches(actor, step, lambda unit: unit.serial)

    def _judge(self, actor: Actor, minimum: MinimumVersion) -> int:
        changed = 0

        def step(uow: UnitOfWork, after: str) -> list[TalliedUnit]:
            nonlocal changed
            found = MinimumVersionRepository(uow).tallied(minimum.id, after, BATCH)
            changed += sum(self._settle(uow, minimum, unit) for unit in found)
            return found

        self._in_batches(actor, step, lambda unit: unit.serial)
        return changed

    def _settle(self, uow: UnitOfWork, minimum: MinimumVersion, tallied: TalliedUnit) -> bool:
        """Withhold voice from the unit or give it back, as it stands today; whether that changed."""
        today, store = self._today(uow), MinimumVersionRepository(uow)
        notice = _days(uow, PolicyName.MINIMUM_VERSION_NOTICE_DAYS, today)
        requirement = Requirement(tallied.required, True, minimum.begins_on, tallied.told_on, notice)
        patience = _days(uow, PolicyName.MANDATORY_UPDATE_DAYS, today)
        stands = support(requirement, tallied.counter, tallied.tally, tallied.offer_stands, today, patience)
        over = minimum.state is not MinimumState.APPROVED or stands is Support.SUFFICIENT
        refuses = stands is Support.REFUSES and not over
        if refuses != tallied.withheld:
            unit = UnitRepository(uow).hold(tallied.serial)
            store.withhold(tallied, refuses)
            set_line(uow, unit, self._downlinks)
            action = AuditAction.UNIT_WITHHOLD_VOICE if refuses else AuditAction.UNIT_RESTORE_VOICE
            uow.audit(action, unit.serial, [minimum.reference], unit.account_id)
        if over:
            store.forget(tallied)
        return refuses != tallied.withheld

    def _in_batches(
        self, actor: Actor, step: Callable[[UnitOfWork, str], Sequence[Found]], name: Callable[[Found], str]
    ) -> None:
        after = ""
        while True:
            with self._transactions.begin(actor) as uow:
                found = step(uow, after)
                uow.commit()
            if len(found) < BATCH:
                return
            after = name(found[-1])

    def _today(self, uow: UnitOfWork) -> date:
        return local_date(uow.now, self._downlinks.zone)


def _images(uow: UnitOfWork, minimum: MinimumVersion) -> dict[str, ReleaseImage]:
    images = ReleaseRepository(uow).by_version(minimum.release).images
    return {board: image for board, image in images.items() if minimum.board in (None, board)}


def _days(uow: UnitOfWork, name: PolicyName, today: date) -> int:
    return PolicyRepository(uow).book().on(name, today)


def _letter(minimum: MinimumVersion, security: bool) -> list[str]:
    lines = [
        f"from {minimum.begins_on} on your adapters need version {minimum.release} or a newer one.",
        "They update themselves in their maintenance hours: leave them plugged in and online.",
        "Older versions are out of support from then on.",
    ]
    if security:
        lines.append("It is a security update: an adapter that is offered it and does not take it will then place")
        lines.append("emergency calls only, until it has it. It can be updated at any time.")
    return lines
