"""What a unit is told to run, decided when it checks in, and what becomes of it, by its own reports.

- Nothing scans the fleet: a unit that never checks in costs nothing.
- Of two live rollouts that concern a unit the one started later wins; the older says superseded.
- In a rollout by groups a unit gets the release when its group is open; one held back is only watched.
- A unit that only had to load the release keeps its order, signed anew, until another takes its place.
- A director's sequence number is used once. An assignment is told by one `check_update`, and again while the
  unit does not stir. It is signed anew before it expires, whether the unit is there or not, and when the
  director's key changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet.domain.access import unit_actor
from fleet.domain.audit import AuditAction
from fleet.domain.configuration import Channel
from fleet.domain.errors import NotFoundError
from fleet.domain.release import ReleaseImage
from fleet.domain.rollout import (
    FAILURES,
    IN_FLIGHT,
    RECALLABLE,
    REPORTED,
    Rollout,
    RolloutState,
    Running,
    UnitProgress,
    UnitState,
    counts_in,
    state_of,
)
from fleet.domain.rollout_groups import HELD_BACK, UnitFacts
from fleet.domain.rollout_watch import Signal
from fleet.services.rollout_gate import Gate, note_report
from fleet.services.rollout_groups import CRASHES, OpenGroups, note_end, note_failure, open_groups
from fleet.services.rollout_steps import settle
from fleet.services.unit_messages import Outgoing
from fleet.services.update_notices import tell_administrators
from fleet.store.assignments import Assignment, AssignmentRepository
from fleet.store.channels import ChannelRepository
from fleet.store.commands import CommandRepository
from fleet.store.ingest import IngestStore
from fleet.store.releases import ReleaseRepository
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.rollout_groups import RolloutGroupRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.updates.director import ASSIGNMENT_LIFE, AssignedImage, Director
from protocol.wire.enumerations import BOOT_REASONS, COMMANDS, UPDATE_REASONS, UPDATE_STATES
from protocol.wire.messages import Message

TELL_AGAIN_AFTER = timedelta(seconds=15)
_CHECK_UPDATE = COMMANDS.index("check_update")
_LOADS = "downloading"
_FINAL = FAILURES | {UnitState.CONFIRMED, UnitState.SUPERSEDED}


@dataclass(frozen=True, slots=True)
class _Live:
    """A live rollout with its images by board, and its groups, if it has some."""

    rollout: Rollout
    images: Mapping[str, ReleaseImage]
    groups: OpenGroups | None

    def end_of(self, unit: _Unit) -> tuple[UnitState, str] | None:
        """How the unit's part ends though it is given nothing: the image is not for it, or it runs it already."""
        image = self.images.get(unit.running.board)
        if image is None:
            return UnitState.FAILED, f"no image for board {unit.running.board}"
        if barred := image.fit.bars(unit.channel):  # it was listed, and left the channel since: no failure
            return UnitState.SUPERSEDED, barred
        if refusal := image.fit.refusal(unit.running):
            return UnitState.FAILED, refusal
        if image.sha256 == unit.running.image_sha256:
            return UnitState.CONFIRMED, "it ran this image already"
        return None

    def group_of(self, unit: _Unit) -> int | None:
        """The unit's group by number, in a rollout that has some."""
        placement = self.groups.place(unit.facts) if self.groups is not None and unit.facts is not None else None
        return placement.group if placement is not None else None


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit that checks in. `facts` only where a rollout by groups is live, `channel` where a beta release is.

    `parts` in live rollouts by number are as of the batch's begin: whoever changes one holds the rollout and reads it
    again. `windows` of a held-back one: the window of its last watch, and whether that is running.
    """

    serial: str
    running: Running
    first_at: datetime
    facts: UnitFacts | None
    parts: Mapping[int, UnitProgress | None]
    channel: Channel
    windows: Mapping[int, tuple[int, bool]]


class UnitUpdates:
    """The gateway's side of rollouts; runs in the gateway's transaction and never commits."""

    def __init__(self, transactions: Transactions, director: Callable[[], Director]) -> None:
        self._transactions = transactions
        self._director = director

    def check_in_all(self, uow: UnitOfWork, messages: Mapping[str, Message]) -> list[Outgoing]:
        """Units sent `register` or `heartbeat`: what to tell each. With nothing to roll out, two queries for all."""
        assigned = AssignmentRepository(uow)
        for serial, message in messages.items():
            if message.name == "register":
                assigned.record_running(serial, _running(message))
        live = self._live(uow)
        pending = assigned.pending(messages)
        if not live and not pending:
            return []
        answers: list[Outgoing] = []
        by_groups = [each for each in live if each.groups is not None]
        facts = RolloutGroupRepository(uow).facts(messages) if by_groups else {}
        gate = Gate(uow, messages)
        numbers = [each.rollout.id for each in live]
        parts = RolloutRepository(uow).parts(numbers, messages)
        held_back = [serial for (_, serial), part in parts.items() if part.state is UnitState.HELD_BACK]
        windows = RolloutGroupRepository(uow).windows_of(numbers, held_back) if held_back else {}
        channels = ChannelRepository(uow).of(messages) if any(each.rollout.beta for each in live) else {}
        for serial, (running, first_at) in assigned.in_service(messages).items():
            of_unit = {number: parts.get((number, serial)) for number in numbers}
            watched = {number: windows[number, serial] for number in numbers if (number, serial) in windows}
            channel = channels.get(serial, Channel.STABLE)
            unit = _Unit(serial, running, first_at, facts.get(serial), of_unit, channel, watched)
            if by_groups and _crashed(uow, serial, messages[serial]):
                for each in by_groups:
                    note_failure(uow, each.rollout, serial, Signal.CRASHED)
            answers += self._direct(uow, gate, unit, live, pending.get(serial))
        return answers

    def record_report(self, uow: UnitOfWork, serial: str, message: Message) -> list[Outgoing]:
        """A unit sent `update_report`: note it, and let its rollout decide. Nothing to answer."""
        assignment = AssignmentRepository(uow).by_sequence(serial, message["assignment"])
        uow.audit(AuditAction.UPDATE_REPORT, serial, [UPDATE_STATES[message["state"]]])
        if assignment is None or assignment.rollout_id is None:
            return []
        store = RolloutRepository(uow)
        rollout = store.hold(assignment.rollout_id)
        progress = store.unit(rollout.id, serial)
        state = state_of(UPDATE_STATES[message["state"]], rollout.treatment.mode)
        if state is None or progress is None or (state is not progress.state and state not in REPORTED[progress.state]):
            return []
        note_report(uow, rollout, serial, UPDATE_STATES[message["state"]] == _LOADS, progress.state, state)
        if state is progress.state:  # still under way: how far it got
            if state in IN_FLIGHT:
                store.move(rollout.id, serial, state, message["detail"])
            return []
        store.move(rollout.id, serial, state, _reason(message))
        if rollout.by_groups:
            note_end(uow, rollout, serial, state)
        if state in _FINAL:
            AssignmentRepository(uow).close(assignment)
        settle(uow, rollout)
        return []

    def sign_anew(self, uow: UnitOfWork, limit: int) -> int:
        """Sign at most `limit` pending assignments anew that near their end or have a key of before; how many it were.

        A unit that comes back after weeks then finds one it can take, before it is spoken to.
        """
        stale = AssignmentRepository(uow).stale(self._director().keyid, uow.now - ASSIGNMENT_LIFE / 2, limit)
        for each in stale:
            if each.rollout_id is not None and each.target is not None:
                rollout = RolloutRepository(uow).get(each.rollout_id)
                self._assign(uow, each.serial, rollout, ReleaseRepository(uow).image(each.target))
        return len(stale)

    def assignment(self, serial: str) -> bytes:
        """The director's file for that unit, as it is served; NotFoundError if it was never assigned anything."""
        with self._transactions.read(unit_actor(serial)) as uow:
            latest = AssignmentRepository(uow).latest(serial)
        if latest is None:
            raise NotFoundError(f"the director has nothing for {serial}")
        return latest.document

    def _live(self, uow: UnitOfWork) -> list[_Live]:
        releases = ReleaseRepository(uow)
        return [
            _Live(each, releases.by_version(each.release).images, open_groups(uow, each))
            for each in RolloutRepository(uow).live()
        ]

    def _direct(
        self, uow: UnitOfWork, gate: Gate, unit: _Unit, live: list[_Live], pending: Assignment | None
    ) -> list[Outgoing]:
        chosen: _Live | None = None
        for each in live:
            progress = unit.parts[each.rollout.id]
            if progress is not None and progress.state is UnitState.HELD_BACK:
                _watch_held_back(uow, gate, each, unit)
                continue
            if progress is None and not _concerns(uow, gate, each, unit):
                continue
            if chosen is None:
                chosen = each
            elif progress is None or progress.state in RECALLABLE:
                self._supersede(uow, unit, each.rollout.id, chosen.rollout)
        if chosen is not None:
            return self._follow(uow, gate, unit, chosen, pending)
        return self._recall(uow, unit, pending)

    def _supersede(self, uow: UnitOfWork, unit: _Unit, rollout_id: int, newer: Rollout) -> None:
        store = RolloutRepository(uow)
        older, progress = store.hold(rollout_id), store.unit(rollout_id, unit.serial)
        if progress is None or progress.state in RECALLABLE:
            store.move(rollout_id, unit.serial, UnitState.SUPERSEDED, f"{newer.reference} is newer")
            RolloutGateRepository(uow).give_back(rollout_id, unit.serial)
            settle(uow, older)

    def _follow(
        self, uow: UnitOfWork, gate: Gate, unit: _Unit, chosen: _Live, pending: Assignment | None
    ) -> list[Outgoing]:
        """Take the unit one step on in the rollout that concerns it."""
        store = RolloutRepository(uow)
        rollout, progress = chosen.rollout, unit.parts[chosen.rollout.id]
        end = chosen.end_of(unit)
        if rollout.state is RolloutState.RUNNING and _waits(progress):
            if end is None and gate.hindrance(rollout, chosen.groups, unit.serial, chosen.group_of(unit)):
                return self._recall(uow, unit, pending)
            # It was read when the batch began: a unit before this one or a person may have ended it since.
            rollout, progress = store.hold(rollout.id), store.unit(rollout.id, unit.serial)
        if progress is not None and not _waits(progress):
            going = progress.state is not UnitState.SUPERSEDED  # it may be for leaving the channel, in a live rollout
            if going and pending is not None and pending.rollout_id == rollout.id:
                return self._remind(uow, unit, chosen, pending, progress.state)
            return self._recall(uow, unit, pending)
        if rollout.state is not RolloutState.RUNNING:
            return self._recall(uow, unit, pending)
        if end is not None:
            store.move(rollout.id, unit.serial, *end)
            settle(uow, store.hold(rollout.id))
        elif gate.take_slot(rollout, chosen.groups, unit.serial):
            store.move(rollout.id, unit.serial, UnitState.ASSIGNED)
            if chosen.groups is not None and unit.facts is not None:
                chosen.groups.watch(uow, unit.facts, held_back=False)
            tell_administrators(uow, rollout, unit.serial)
            return [self._assign(uow, unit.serial, rollout, chosen.images[unit.running.board])]
        return self._recall(uow, unit, pending)

    def _remind(
        self, uow: UnitOfWork, unit: _Unit, chosen: _Live, pending: Assignment, state: UnitState
    ) -> list[Outgoing]:
        """Tell a unit that has not stirred once more; sign anew what is about to expire."""
        image = chosen.images.get(unit.running.board)
        if state in RECALLABLE and image and uow.now - pending.issued_at > ASSIGNMENT_LIFE / 2:
            return [self._assign(uow, unit.serial, chosen.rollout, image)]
        if state is UnitState.ASSIGNED and uow.now - pending.told_at >= TELL_AGAIN_AFTER:
            AssignmentRepository(uow).tell_again(pending.sequence)
            return [_check_update(pending)]
        return []

    def _recall(self, uow: UnitOfWork, unit: _Unit, pending: Assignment | None) -> list[Outgoing]:
        """Take back an assignment its rollout does not want any more; one on trial is let be."""
        if pending is None or pending.rollout_id is None:
            return []
        progress = RolloutRepository(uow).unit(pending.rollout_id, unit.serial)
        if progress is None or progress.state is not UnitState.SUPERSEDED:
            return []
        return [self._assign(uow, unit.serial, None, None)]

    def _assign(self, uow: UnitOfWork, serial: str, rollout: Rollout | None, image: ReleaseImage | None) -> Outgoing:
        target, director = None, self._director()
        not_before, deadline = rollout.treatment.order_times(uow.now) if rollout else (None, None)
        if image is not None:
            target = AssignedImage(image.name, image.length, image.sha256, image.release_counter, image.fit.board)
        command = CommandRepository(uow).add(serial, "check_update", 0)
        assignment = AssignmentRepository(uow).issue(
            serial,
            rollout.id if rollout else None,
            target.name if target else None,
            command.id,
            director.keyid,
            lambda sequence: director.sign(serial, sequence, target, uow.now, not_before, deadline),
        )
        uow.audit(AuditAction.UPDATE_ASSIGN, serial)
        return _check_update(assignment)


def _waits(progress: UnitProgress | None) -> bool:
    """Whether the unit has still to be assigned."""
    return progress is None or progress.state is UnitState.WAITING


def _concerns(uow: UnitOfWork, gate: Gate, live: _Live, unit: _Unit) -> bool:
    """Whether a rollout to all wants this unit, which has no part in it yet, now; one it holds back gets its part."""
    image = live.images.get(unit.running.board)
    fit = image.fit if image else None
    if fit is not None and fit.bars(unit.channel):
        return False
    if live.groups is None:
        return counts_in(live.rollout, fit, unit.running, unit.first_at)
    if unit.facts is None or not live.groups.counts_in(live.rollout, fit, unit.running, unit.first_at):
        return False
    placement = live.groups.place(unit.facts)
    if placement == HELD_BACK and live.rollout.state is RolloutState.RUNNING:
        RolloutRepository(uow).move(live.rollout.id, unit.serial, UnitState.HELD_BACK)
        _watch_held_back(uow, gate, live, unit)
    return placement is not None and placement.is_open(live.groups.opened)


def _watch_held_back(uow: UnitOfWork, gate: Gate, live: _Live, unit: _Unit) -> None:
    """Watch it from its turn on, as if it were of the group opened last: both arms live through the same hours."""
    if live.groups is None or unit.facts is None or live.rollout.state is not RolloutState.RUNNING:
        return
    number, running = unit.windows.get(live.rollout.id, (-1, False))
    if running or number >= live.groups.opened - 1:
        return  # nothing to begin: so it is at nearly every check-in
    if gate.turn(live.rollout, live.groups, unit.serial, live.groups.opened - 1) is None:
        live.groups.watch(uow, unit.facts, held_back=True)


def _crashed(uow: UnitOfWork, serial: str, message: Message) -> bool:
    """Whether the unit says for the first time that it started because it had crashed or hung.

    It says so again at every registration of that start, and whoever takes an update leaves its session and registers
    anew: a crash of long ago would count against the release, and never against being held back.
    """
    if message.name != "register" or BOOT_REASONS[message["boot_reason"]] not in CRASHES:
        return False
    start = IngestStore(uow.connection).known([(serial, message.boot_id)]).get((serial, message.boot_id))
    return start is None or start.epoch is None


def _check_update(assignment: Assignment) -> Outgoing:
    values = {"command_id": assignment.command_id, "command": _CHECK_UPDATE, "argument": assignment.sequence}
    return Outgoing(assignment.serial, "command", values)


def _reason(message: Message) -> str:
    reason = UPDATE_REASONS[message["reason"]]
    named = "" if reason == "none" else reason
    return ": ".join(part for part in (named, message["detail"]) if part)


def _running(message: Message) -> Running:
    return Running(
        board=message["board"],
        hardware_revision=message["hardware_revision"],
        abi=message["abi"],
        version=message["version"],
        release_counter=message["release_counter"],
        image_sha256=message["image_sha256"].hex(),
    )
