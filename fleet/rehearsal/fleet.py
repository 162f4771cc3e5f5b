"""A rollout over a simulated fleet from its start to its end: real services, real messages, simulated units and time.

- Units are called when they want to be, in ticks; what they say goes through the gateway's ingest packed, in batches.
- A unit is heard every `heartbeat_minutes` while that can matter: from when its group is opened, or it comes on, or it
  gets an order, until its watch is over; a held-back one in every window. Else every `idle_heartbeat_hours`.
- Everything is drawn from the scenario's seed: the same scenario always goes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fleet.domain.rollout import Rollout, RolloutState, UnitState
from fleet.domain.rollout_course import Standing
from fleet.domain.rollout_groups import HELD_BACK, UnitFacts, point_of
from fleet.rehearsal.behaviour import NEVER_S
from fleet.rehearsal.chance import Chance
from fleet.rehearsal.judge import Judge
from fleet.rehearsal.order import Order
from fleet.rehearsal.population import NEW, OLD, Population, populate, releases_of
from fleet.rehearsal.scenario import WHOLE_PERCENT, Scenario
from fleet.rehearsal.service import APPROVER, MANAGER, Service, build
from fleet.services.ingest import Delivery
from fleet.services.jobs import SCHEDULER
from fleet.store.rollouts import RolloutRepository
from fleet.store.simulated_units import add_simulated
from fleet.updates.director import ASSIGNMENT_LIFE
from protocol.wire.messages import Message, pack, unpack
from protocol.wire.topics import up_topic

START = datetime(2026, 6, 1, 15, tzinfo=UTC)  # a Monday, 11:00 in New York
MAX_BATCH = 500  # as the gateway takes them
SIGN_ANEW_EVERY = timedelta(hours=1)
SIGNED_AT_ONCE = 200
ENDED = frozenset({RolloutState.STOPPED, RolloutState.FINISHED, RolloutState.PAUSED})
_KINDS = {"register": "register", "heartbeat": "heartbeat"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How it stands: `day` since the start, the open group, and how many units are in each state."""

    day: float
    group: str
    state: RolloutState
    counts: dict[UnitState, int]


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended. `reached`: share of the fleet that was given the release; `faults`: what was not as expected."""

    state: RolloutState
    reason: str
    reached: float
    days: float
    messages: int
    restarts: int
    counts: dict[UnitState, int]
    faults: tuple[str, ...]


@dataclass(slots=True)
class _Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class _Queue:
    """Units by the tick in which they want to be called."""

    tick_s: int
    tick: int = 0  # the last that was taken
    ticks: dict[int, list[str]] = field(default_factory=dict)
    of: dict[str, int] = field(default_factory=dict)

    def put(self, serial: str, at_s: int) -> None:
        """Call that unit in the first tick that ends at that time or after it; not in any other any more."""
        tick = max(self.tick + 1, -(-at_s // self.tick_s))
        if at_s < NEVER_S and self.of.get(serial) != tick:
            self.ticks.setdefault(tick, []).append(serial)
        self.of[serial] = tick

    def take(self, now_s: int) -> list[str]:
        """Whom to call in the tick that ends now."""
        self.tick = now_s // self.tick_s
        found = [serial for serial in dict.fromkeys(self.ticks.pop(self.tick, ())) if self.of[serial] == self.tick]
        for serial in found:
            del self.of[serial]
        return found


class Rehearsal:
    """One run of a scenario in `folder`, which has to be empty. BrokenRuleError if what must hold does not."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self._clock, self._queue = _Clock(), _Queue(scenario.tick_seconds)
        releases = releases_of(scenario)
        self.service: Service = build(folder, self._clock, releases)
        self.population: Population = populate(scenario, START, self.service.configuration)
        self._units = self.population.units
        with self.service.transactions.begin(MANAGER) as uow:
            add_simulated(uow, self.population.rows())
            uow.commit()
        self._watched_until: dict[str, int] = {}
        self._sequence = self._messages = 0
        self._release = frozenset(image.sha256 for image in releases[NEW])

    def run(self, progress: Callable[[Progress], None] = lambda _: None) -> Ending:
        """From the start of the rollout to its end, or to the scenario's last day; `progress` is told of each day."""
        scenario, service = self.scenario, self.service
        self._clock.now += timedelta(seconds=scenario.tick_seconds)
        rollout = self._begin()
        for serial, unit in self._units.items():
            unit.beat_at(self._first_beat(serial))
            self._queue.put(serial, unit.next_s)
        steer_at = sign_at = day_at = self._clock.now
        until = START + timedelta(days=scenario.days)
        while rollout.state not in ENDED and self._clock.now < until:
            self._tick()
            if self._clock.now >= steer_at:
                steer_at = self._clock.now + timedelta(minutes=scenario.steer_minutes)
                service.steering.steer(SCHEDULER)
                rollout = service.rollouts.get(MANAGER, rollout.id)
                self._open_groups(service.rollouts.standing(MANAGER, rollout.id))
            if self._clock.now >= sign_at:
                sign_at = self._clock.now + SIGN_ANEW_EVERY
                self._sign_anew()
            if self._clock.now >= day_at:
                day_at += timedelta(days=1)
                progress(self._progress(rollout))
            self._clock.now += timedelta(seconds=scenario.tick_seconds)
        return self._ending(rollout)

    # --- One tick ---

    def _tick(self) -> None:
        now_s = self._now_s()
        said: list[tuple[str, Message]] = []
        due = self._queue.take(now_s)
        for serial in due:
            said += [(serial, message) for message in self._units[serial].wake(now_s)]
            self._judge.restarted(self._units[serial])
        self._exchange(said, now_s)
        for serial in due:
            self._queue.put(serial, self._units[serial].next_s)

    def _exchange(self, said: list[tuple[str, Message]], now_s: int) -> None:
        """What units say, what the fleet answers, what they say to that, until nobody has anything to say."""
        while said:
            batch, said = said[:MAX_BATCH], said[MAX_BATCH:]
            deliveries = [
                Delivery(
                    up_topic(serial, _KINDS.get(message.name, "report")),
                    pack(message.name, message.values, message.boot_id, message.sequence),
                    self._clock.now,
                )
                for serial, message in batch
            ]
            self._messages += len(batch)
            answers = self.service.ingest.handle(deliveries)
            for serial, message in batch:
                self._heard(serial, message, now_s)
            for answer in answers:
                self._sequence += 1
                message = unpack(pack(answer.name, dict(answer.values), 1, self._sequence))
                self._judge.commanded(answer.serial, message)
                unit = self._units[answer.serial]
                said += [(answer.serial, each) for each in unit.hear(now_s, message)]
            for serial in dict.fromkeys([answer.serial for answer in answers]):
                said += [(serial, each) for each in self._ask_director(serial, now_s)]

    def _ask_director(self, serial: str, now_s: int) -> Sequence[Message]:
        unit = self._units[serial]
        if not unit.wants_order:
            return []
        document = self.service.updates.assignment(serial)
        self._judge.ordered(serial, Order.read(document), self._release)
        self._watch(serial, now_s)
        return unit.take_order(now_s, document)

    def _heard(self, serial: str, message: Message, now_s: int) -> None:
        """The fleet has taken that in."""
        if message.name == "heartbeat":
            self._pace(serial, now_s)
        elif message.name == "register":
            self._watch(serial, now_s)
        else:
            self._judge.reported(serial, message)

    # --- Who is heard how often ---

    def _watch(self, serial: str, now_s: int) -> None:
        """From now on its heartbeats can matter: till its watch is over, and the one after that is heard."""
        deadline_s = int(self._plan.groups[max(self._judge.opened - 1, 0)].deadline.total_seconds())
        placement = self._judge.placements[serial]
        if placement is not None and (placement == HELD_BACK or placement.is_open(self._judge.opened)):
            self._watched_until[serial] = now_s + deadline_s + 2 * self._heartbeat_s

    def _pace(self, serial: str, now_s: int) -> None:
        watched = self._watched_until.get(serial, 0) > now_s
        self._units[serial].beat_at(now_s + (self._heartbeat_s if watched else self._idle_s))

    def _first_beat(self, serial: str) -> int:
        """Spread over the time between two heartbeats."""
        watched = serial in self._watched_until
        wait_s = self._heartbeat_s if watched else self._idle_s
        return self._now_s() + (Chance.of(self.scenario.seed, serial).below(wait_s) if wait_s < NEVER_S else NEVER_S)

    def _open_groups(self, standing: Standing) -> None:
        """Units whose group was opened, and held-back ones, whose next window begins, are heard again."""
        opened = len(standing.groups)
        if opened == self._judge.opened:
            return
        fresh = set(range(self._judge.opened, opened))
        self._judge.opened = opened
        now_s = self._now_s()
        for serial, placement in self._judge.placements.items():
            if placement is not None and (placement == HELD_BACK or placement.group in fresh):
                self._watch(serial, now_s)
                unit = self._units[serial]
                unit.beat_at(min(unit.session.heartbeat_s, self._first_beat(serial)))
                self._queue.put(serial, unit.next_s)

    # --- The rollout ---

    def _begin(self) -> Rollout:
        """Created, approved and started; and where each unit stands by its plan."""
        rollouts, scenario = self.service.rollouts, self.scenario
        rollout = rollouts.create(
            MANAGER, NEW, None, 1, treatment=scenario.treatment(self._clock.now), plan=scenario.plan
        )
        rollouts.approve(APPROVER, rollout.id)
        rollout = rollouts.start(MANAGER, rollout.id)
        standing = rollouts.standing(MANAGER, rollout.id)
        self._plan = standing.course.plan
        self._heartbeat_s = scenario.heartbeat_minutes * 60
        self._idle_s = int(scenario.idle_heartbeat_hours * 3600) or NEVER_S
        placements = {}
        for serial, unit in self._units.items():
            hardware = unit.hardware
            facts = UnitFacts(serial, hardware.board, hardware.revision, OLD, "stable", "AC-1", "new")
            placements[serial] = self._plan.place(facts, point_of(serial, rollout.reference))
        self._judge = Judge(placements)
        self._open_groups(standing)
        return rollout

    def _sign_anew(self) -> None:
        """As the service's job does, of whatever nears its end."""
        if self._clock.now - START < ASSIGNMENT_LIFE / 2:
            return
        signed = SIGNED_AT_ONCE
        while signed == SIGNED_AT_ONCE:
            with self.service.transactions.begin(SCHEDULER) as uow:
                signed = self.service.updates.sign_anew(uow, SIGNED_AT_ONCE)
                uow.commit()

    def _progress(self, rollout: Rollout) -> Progress:
        day = (self._clock.now - START) / timedelta(days=1)
        group = self._plan.groups[self._judge.opened - 1].name
        return Progress(day, group, rollout.state, dict(rollout.counts))

    def _ending(self, rollout: Rollout) -> Ending:
        """What came of it, after what the fleet says was held against what its units said."""
        with self.service.transactions.read(SCHEDULER) as uow:
            parts = RolloutRepository(uow).units(rollout.id, len(self._units), None)
        self._judge.compare({part.serial: part for part in parts}, rollout.counts)
        standing = self.service.rollouts.standing(MANAGER, rollout.id)
        reached = sum(group.assigned for group in standing.groups) / len(self._units)
        days = (self._clock.now - START) / timedelta(days=1)
        faults = tuple(_unexpected(self.scenario, rollout, reached))
        restarts = self._judge.restarts
        return Ending(
            rollout.state, rollout.reason, reached, days, self._messages, restarts, dict(rollout.counts), faults
        )

    def _now_s(self) -> int:
        return int(self._clock.now.timestamp())


def _unexpected(scenario: Scenario, rollout: Rollout, reached: float) -> Iterable[str]:
    expect = scenario.expect
    if rollout.state is not expect.rollout_state:
        yield f"it is {rollout.state} after all, expected was {expect.state}"
    if expect.before_percent is not None and reached * WHOLE_PERCENT >= expect.before_percent:
        yield f"{reached:.2%} of the fleet were given the release, expected were less than {expect.before_percent:g} %"
    if not rollout.reason.startswith(expect.by):
        yield f"the reason is {rollout.reason!r}, expected was that it begins with {expect.by!r}"
