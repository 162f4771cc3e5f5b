"""Rollouts as people run them: create, approve, start, pause, resume, stop, and what is decided by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.release import Release
from fleet.domain.rollout import (
    TRANSITIONS,
    Rollout,
    RolloutEvent,
    RolloutState,
    UnitProgress,
    check_approver,
)
from fleet.domain.rollout_course import Course, Standing, accepts
from fleet.domain.rollout_forecast import Forecast
from fleet.domain.rollout_plan import read_course
from fleet.domain.transitions import advance
from fleet.domain.treatment import SOFTLY, Treatment
from fleet.services.operators import require_operator
from fleet.services.rollout_forecasts import forecast_of
from fleet.services.rollout_steering import begin, recall, standing_of
from fleet.services.rollout_steps import settle, step
from fleet.store.assignments import AssignmentRepository
from fleet.store.channels import ChannelRepository
from fleet.store.releases import ReleaseRepository
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.rollout_groups import RolloutGroupRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

MAX_LISTED_UNITS = 10_000


class Listed(Protocol):
    """The images units can install now; `fleet.updates.repository`."""

    def images(self) -> Mapping[str, object]: ...


class Rollouts:
    """The operator's side; what units are told is `unit_updates`."""

    def __init__(self, transactions: Transactions, repository: Listed) -> None:
        self._transactions = transactions
        self._repository = repository

    def create(
        self,
        actor: Actor,
        release: str,
        serials: Sequence[str] | None,
        pause_after_failures: int,
        draft: bool = False,
        treatment: Treatment = SOFTLY,
        plan: Mapping[str, object] | None = None,
    ) -> Rollout:
        """A rollout of release version `release` to those units, or to all (None); submitted unless a draft.

        `plan`: by groups, as `rollout_plan.read_course` takes it; then to all, and what stops it stands in the plan.
        """
        require_operator(actor, Permission.ROLLOUT_MANAGE)
        course = None if plan is None else read_course(plan)
        if course is not None and serials is not None:
            raise InvalidError("a rollout by a plan is to all that the plan's targets take; list no units")
        if pause_after_failures < 1:
            raise InvalidError(f"a rollout pauses after 1 failure or more, got {pause_after_failures}")
        with self._transactions.begin(actor) as uow:
            store = RolloutRepository(uow)
            found = ReleaseRepository(uow).by_version(release)
            if serials is not None:
                serials = _checked(uow, found, serials)
            treatment.check([image.name for image in found.images.values() if not image.security], uow.now)
            rollout = store.add(found.id, serials, pause_after_failures, store.person_behind(actor), treatment)
            if course is not None:
                _check_way_back(uow, course, found)
                RolloutGroupRepository(uow).plan(rollout.id, course)
                rollout = store.get(rollout.id)
            uow.audit(AuditAction.ROLLOUT_CREATE, rollout.reference)
            if not draft:
                rollout = step(uow, rollout, RolloutEvent.SUBMIT)
            uow.commit()
        return rollout

    def submit(self, actor: Actor, rollout_id: int) -> Rollout:
        """Ask for approval of a draft."""
        return self._step(actor, rollout_id, RolloutEvent.SUBMIT)

    def approve(self, actor: Actor, rollout_id: int) -> Rollout:
        """Let it be started; ForbiddenError for its author, whichever token they use."""
        require_operator(actor, Permission.ROLLOUT_APPROVE)
        with self._transactions.begin(actor) as uow:
            store = RolloutRepository(uow)
            rollout = store.hold(rollout_id)
            person = store.person_behind(actor)
            check_approver(rollout.author, person, rollout.reference)
            rollout = step(uow, store.change(rollout, approver=person), RolloutEvent.APPROVE)
            uow.commit()
        return rollout

    def start(self, actor: Actor, rollout_id: int) -> Rollout:
        """Begin to assign; units learn of it as they check in. ConflictError if there is nobody to roll out to."""
        require_operator(actor, Permission.ROLLOUT_MANAGE)
        listed = self._repository.images()
        with self._transactions.begin(actor) as uow:
            store = RolloutRepository(uow)
            rollout = store.hold(rollout_id)
            advance(TRANSITIONS, rollout.state, RolloutEvent.START, rollout.reference)
            release = ReleaseRepository(uow).by_version(rollout.release)
            images = release.images.values()
            for image in images:
                if image.name not in listed:
                    raise ConflictError(f"{image.name} was retired from the signed metadata; units would refuse it")
            expected = rollout.expected
            if rollout.by_groups:
                expected = begin(uow, rollout, release)
            elif rollout.everyone:
                expected = AssignmentRepository(uow).count_fitting([image.fit for image in images])
            if not expected:
                raise ConflictError(f"no unit in service can run release {rollout.release}; nobody to roll out to")
            rollout = store.change(rollout, expected=expected, started_at=uow.now)
            rollout = step(uow, rollout, RolloutEvent.START)
            uow.commit()
        return rollout

    def pause(self, actor: Actor, rollout_id: int, reason: str) -> Rollout:
        """Assign no further unit; those under way go on."""
        return self._step(actor, rollout_id, RolloutEvent.PAUSE, reason)

    def resume(self, actor: Actor, rollout_id: int) -> Rollout:
        """Go on, knowing the failures so far: only new ones count toward the limit."""
        require_operator(actor, Permission.ROLLOUT_MANAGE)
        with self._transactions.begin(actor) as uow:
            store = RolloutRepository(uow)
            rollout = store.hold(rollout_id)
            if rollout.by_groups:
                _accept(uow, rollout)
            rollout = store.change(rollout, tolerated_failures=rollout.snapshot.failures)
            rollout = settle(uow, step(uow, rollout, RolloutEvent.RESUME))
            uow.commit()
        return rollout

    def stop(self, actor: Actor, rollout_id: int, reason: str) -> Rollout:
        """End it: units before their trial are recalled, those on trial finish it."""
        require_operator(actor, Permission.ROLLOUT_MANAGE)
        with self._transactions.begin(actor) as uow:
            store = RolloutRepository(uow)
            rollout = store.change(store.hold(rollout_id))
            rollout = recall(uow, step(uow, rollout, RolloutEvent.STOP, reason))
            uow.commit()
        return rollout

    def let_out(self, actor: Actor, serial: str) -> None:
        """Forget the unit's failed updates, so that rollouts may have it again; ConflictError if it has none."""
        require_operator(actor, Permission.ROLLOUT_MANAGE)
        with self._transactions.begin(actor) as uow:
            UnitRepository(uow).get(serial)
            if not RolloutGateRepository(uow).clear_record(serial):
                raise ConflictError(
                    f"{serial} has no failed update since its last confirmed one; nothing keeps it back"
                )
            uow.audit(AuditAction.ROLLOUT_LET_OUT, serial)
            uow.commit()

    def get(self, actor: Actor, rollout_id: int) -> Rollout:
        """The rollout as it stands."""
        require_operator(actor, Permission.ROLLOUT_READ)
        with self._transactions.read(actor) as uow:
            return RolloutRepository(uow).get(rollout_id)

    def standing(self, actor: Actor, rollout_id: int) -> Standing:
        """A rollout by groups as it was last looked at; NotFoundError if it has no plan."""
        require_operator(actor, Permission.ROLLOUT_READ)
        with self._transactions.read(actor) as uow:
            return standing_of(uow, RolloutRepository(uow).get(rollout_id))

    def forecast(self, actor: Actor, rollout_id: int) -> Forecast:
        """When its groups will open and be over; it counts the fleet, so ask once and not again and again."""
        require_operator(actor, Permission.ROLLOUT_READ)
        with self._transactions.read(actor) as uow:
            return forecast_of(uow, rollout_id)

    def page(self, actor: Actor, limit: int, after_id: int | None) -> list[Rollout]:
        """At most `limit` rollouts, newest first."""
        require_operator(actor, Permission.ROLLOUT_READ)
        with self._transactions.read(actor) as uow:
            return RolloutRepository(uow).page(limit, after_id)

    def units(self, actor: Actor, rollout_id: int, limit: int, after: str | None) -> list[UnitProgress]:
        """At most `limit` units that have a state in it, by serial number."""
        require_operator(actor, Permission.ROLLOUT_READ)
        with self._transactions.read(actor) as uow:
            store = RolloutRepository(uow)
            store.get(rollout_id)
            return store.units(rollout_id, limit, after)

    def _step(self, actor: Actor, rollout_id: int, event: RolloutEvent, reason: str = "") -> Rollout:
        require_operator(actor, Permission.ROLLOUT_MANAGE)
        with self._transactions.begin(actor) as uow:
            store = RolloutRepository(uow)
            rollout = step(uow, store.change(store.hold(rollout_id)), event, reason)
            uow.commit()
        return rollout


def _accept(uow: UnitOfWork, rollout: Rollout) -> None:
    """Who resumes it accepts its open group, if that was over when it paused."""
    standing = standing_of(uow, rollout)
    if rollout.state is RolloutState.PAUSED and accepts(standing):
        RolloutGroupRepository(uow).mark_group(rollout.id, len(standing.groups) - 1, accepted=True)


def _check_way_back(uow: UnitOfWork, course: Course, release: Release) -> None:
    """InvalidError if the release that units are to be sent back to is none for the same boards."""
    if course.send_back_to is None:
        return
    back = ReleaseRepository(uow).by_version(course.send_back_to)
    without = sorted(release.images.keys() - back.images.keys())
    if without or back.version == release.version:
        what = f"has no image for {', '.join(without)}" if without else "is the release that is rolled out"
        raise InvalidError(f"send_back_to {back.version} {what}; name a release units can go back to")


def _checked(uow: UnitOfWork, release: Release, serials: Sequence[str]) -> list[str]:
    """The serial numbers, each once; InvalidError if one is no unit the release has an image for."""
    wanted = sorted(set(serials))
    if not 1 <= len(wanted) <= MAX_LISTED_UNITS:
        raise InvalidError(f"a rollout lists 1 to {MAX_LISTED_UNITS} units, got {len(wanted)}")
    boards, channels = RolloutRepository(uow).boards_of(wanted), ChannelRepository(uow).of(wanted)
    for serial in wanted:
        if serial not in boards:
            raise InvalidError(f"there is no unit {serial[:20]!r}")
        if boards[serial] not in release.images:
            raise InvalidError(f"{serial} is board {boards[serial]}; release {release.version} has no image for it")
        if barred := release.images[boards[serial]].fit.bars(channels[serial]):
            raise InvalidError(f"{serial}: {barred}; an Administrator of its account opts in first")
    return wanted
