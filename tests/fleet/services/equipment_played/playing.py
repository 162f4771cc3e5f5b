"""A history is played into the oracle and the services at once; what differs at any step, and what was told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from fleet.domain.errors import FleetError
from tests.equipment_oracle import events as ev
from tests.equipment_oracle.histories import Author, Told, next_event
from tests.fleet.domain.equipment_model.comparing import Answers, differences, new_money, some_days
from tests.fleet.domain.equipment_model.playing import BELIEVED, QUOTED_AHEAD_DAYS, Weights, play_out
from tests.fleet.services.equipment_played.acts import ACTS
from tests.fleet.services.equipment_played.desk import Desk
from tests.fleet.services.equipment_played.left_out import playable
from tests.fleet.services.equipment_played.reading import read
from tests.fleet.services.equipment_played.world import the_world
from tests.fleet.store.voice_faults import voice_faults

QUOTED_IN_TURN = 4


@dataclass(slots=True)
class Play:
    """Oracle and services side by side. Every step returns the differences it found."""

    author: Author
    desk: Desk
    known: tuple[int, int] = (0, 0)
    events: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    seen: tuple[int, datetime, Answers] | None = None

    def choose(self, invent: Weights | None) -> Told:
        """What the author makes up, of what the services can be told."""
        while True:
            told = Told(self.author.order_accepted(), None) if invent is None else next_event(self.author, invent)
            found = playable(self.author, self.desk, told)
            if found is not None:
                return found
            self.author.plot.clear()

    def tell(self, told: Told) -> list[str]:
        """One event, legal or not; both must agree that it is, and on everything after it."""
        event, name = told.event, type(told.event).__name__
        found = self.wait_until_known(event)
        self.events[name] += 1
        if told.refused is None:
            self.author.oracle.tell(event)
            try:
                ACTS[type(event)](self.desk, event)
            except FleetError as error:
                return [*found, f"{event}: the services refuse it: {error}"]
            self.desk.world.run_jobs_again()
        elif not isinstance(event, BELIEVED):
            self.refused[name] += 1
            found += self._refused(told)
        return [*found, *self.compare()]

    def wait_until_known(self, event: ev.Event) -> list[str]:
        """Time passes in both, due date by due date, and the scheduler is never late."""
        oracle, until, found = self.author.oracle, event.known_at, list[str]()
        while (due := min((at for at in oracle.due_instants() if at <= until), default=None)) is not None:
            oracle.advance(due)
            self.desk.world.clock.now = due
            self.desk.world.run_jobs()
            found += self._money(self._read())
        oracle.advance(until)
        self.desk.world.clock.now = until
        self.desk.world.run_jobs_again()
        return [*found, *self._money(self._read())]

    def compare(self) -> list[str]:
        """All that differs now."""
        found = self._read()
        days = some_days(found, QUOTED_AHEAD_DAYS)
        some = days[self.events.total() % QUOTED_IN_TURN :: QUOTED_IN_TURN]  # each is asked of the service
        return [*self._money(found), *differences(self.author.oracle, found, some)]

    def _read(self) -> Answers:
        """What is stored; read again only if something was committed, or it is later."""
        commits, now = self.desk.world.commits, self.desk.world.clock.now
        if self.seen is None or self.seen[:2] != (commits, now):
            self.seen = (commits, now, read(self.desk))
        return self.seen[2]

    def _refused(self, told: Told) -> list[str]:
        commits = self.desk.world.commits - self.desk.undone
        try:
            ACTS[type(told.event)](self.desk, told.event)
        except FleetError:
            changed = self.desk.world.commits - self.desk.undone != commits
            return [f"{told.event} was refused and changed something"] if changed else []
        return [f"{told.event}: the services allow it, the rules do not: {told.refused}"]

    def _money(self, found: Answers) -> list[str]:
        differing = new_money(self.author.oracle, found.state, self.known)
        self.known = (len(self.author.oracle.charges()), len(found.state.ledger.events))
        return differing


def play_history(seed: int, length: int) -> tuple[Play, list[str]]:
    """A seeded history of at most `length` events; it stops at the first step at which something differs."""
    world = the_world()
    world.begin_anew()
    play = Play(Author(Random(seed)), Desk(world))
    differences = play_out(play, length)
    with world.services.transactions.engine.connect() as connection:
        return play, [*differences, *voice_faults(connection)]
