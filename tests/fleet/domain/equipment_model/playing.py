"""A history is played into oracle and domain at once; what differs at any step, and which events there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Protocol

from fleet.domain.errors import FleetError
from tests.equipment_oracle import events as ev
from tests.equipment_oracle.endings import ServiceState
from tests.equipment_oracle.histories import LEANINGS, STOPS_AFTER_END, WEIGHTS, Author, Told, next_event
from tests.fleet.domain.equipment_model.account import Account
from tests.fleet.domain.equipment_model.comparing import differences, new_money, of_domain, some_days

# Whether these happened at all is not the domain's to decide: a refused one is not told to it.
BELIEVED = (ev.Delivered, ev.CarrierFailed, ev.Registered, ev.Activated)
AFTERWARDS = timedelta(days=120)
QUOTED_AHEAD_DAYS = (0, 1, 12, 45, 370)
Weights = dict[Callable[[Author], ev.Event], float]


@dataclass(slots=True)
class Play:
    """Oracle and domain side by side. Every step returns the differences it found."""

    author: Author
    account: Account = field(default_factory=Account)
    known: tuple[int, int] = (0, 0)
    events: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def choose(self, invent: Weights | None) -> Told:
        """What the author makes up."""
        return Told(self.author.order_accepted(), None) if invent is None else next_event(self.author, invent)

    def tell(self, told: Told) -> list[str]:
        """One event, legal or not; both must agree that it is, and on everything after it."""
        event, name = told.event, type(told.event).__name__
        found = self.wait_until_known(event)
        self.events[name] += 1
        if told.refused is None:
            self.author.oracle.tell(event)
            try:
                self.account.tell(event)
            except FleetError as error:
                return [*found, f"{event}: the domain refuses it: {error}"]
        elif not isinstance(event, BELIEVED):
            self.refused[name] += 1
            found += self._refused(told)
        return [*found, *self.compare()]

    def wait_until_known(self, event: ev.Event) -> list[str]:
        """Time passes in both, due date by due date."""
        self.author.oracle.advance(event.known_at)
        self.account.wait(event.known_at)
        return self._money()

    def compare(self) -> list[str]:
        """All that differs now."""
        found = of_domain(self.account.state)
        return [*self._money(), *differences(self.author.oracle, found, some_days(found, QUOTED_AHEAD_DAYS))]

    def _refused(self, told: Told) -> list[str]:
        before = repr(self.account.state)
        try:
            self.account.tell(told.event)
        except FleetError:
            changed = repr(self.account.state) != before
            return [f"{told.event} was refused and changed something"] if changed else []
        return [f"{told.event}: the domain allows it, the rules do not: {told.refused}"]

    def _money(self) -> list[str]:
        state = self.account.state
        found = new_money(self.author.oracle, state, self.known)
        self.known = (len(self.author.oracle.charges()), len(state.ledger.events))
        return found


class Player(Protocol):
    """Whoever plays a history beside its oracle; every step returns the differences it found."""

    author: Author
    events: Counter[str]

    def choose(self, invent: Weights | None) -> Told:
        """What happens next; without weights an order."""

    def tell(self, told: Told) -> list[str]:
        """One event, legal or not."""

    def wait_until_known(self, event: ev.Event) -> list[str]:
        """Time passes."""

    def compare(self) -> list[str]:
        """All that differs now."""


def steps(play: Player, length: int) -> Iterator[Callable[[], list[str]]]:
    """The steps of a history like those of `histories.history`, and a wait at its end."""
    author, random = play.author, play.author.random
    invent = {make: weight * random.choice(LEANINGS) for make, weight in WEIGHTS.items()}
    for number in range(length):
        author.pass_time()
        told = play.choose(None if number == 0 else invent)
        yield lambda told=told: play.tell(told)  # type: ignore[misc]
        if author.oracle.service_state() is ServiceState.ENDED and random.random() < STOPS_AFTER_END:
            break
    author.now += AFTERWARDS
    last = author.act(ev.PortedOut, number="+12125550100")
    yield lambda: [*play.wait_until_known(last), *play.compare()]


def play_out(play: Player, length: int) -> list[str]:
    """A history of at most `length` events; it stops at the first step at which something differs."""
    for step in steps(play, length):
        found = step()
        if found:
            return [f"after {play.events.total()} events: {line}" for line in found[:5]]
    return []


def play_history(seed: int, length: int) -> tuple[Play, list[str]]:
    """A seeded history, and what differed."""
    play = Play(Author(Random(seed)))
    return play, play_out(play, length)
