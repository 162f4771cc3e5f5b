"""Random histories of an account cost the same, end the same and are refused the same by domain and oracle."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.charges import ChargeKind, Rule
from tests.equipment_oracle.histories import WEIGHTS, Author, Told, next_event
from tests.fleet.domain.equipment_model.playing import BELIEVED, Play, play_history

EVENTS_AT_LEAST = 10_000
SEEDS = range(206)
LENGTH = 70


def test_domain_and_oracle_agree_at_every_step_of_10_000_events_of_every_kind() -> None:
    events: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    decided: Counter[tuple[ChargeKind, Rule]] = Counter()
    for seed in SEEDS:
        play, differences = play_history(seed, LENGTH)
        assert differences == [], f"seed {seed}"
        events += play.events
        refused += play.refused
        decided.update((line.kind, line.rule) for line in play.author.oracle.charges())
    kinds = {kind.__name__ for kind in ev.Event.__subclasses__() + ev.Evidence.__subclasses__()} - {"Evidence"}
    assert events.total() >= EVENTS_AT_LEAST
    assert kinds - set(events) == set()
    assert {rule for _, rule in decided} == set(Rule)
    assert {(ChargeKind.CREDIT, Rule.OVERDUE_VALUE), (ChargeKind.CREDIT, Rule.FEE)} <= set(decided)
    assert kinds - {believed.__name__ for believed in BELIEVED} - set(refused) <= {"PortedOut"}


def test_a_seed_always_plays_the_same() -> None:
    one, other = play_history(5, LENGTH)[0], play_history(5, LENGTH)[0]
    assert repr(one.account.state) == repr(other.account.state)


class AccountMachine(RuleBasedStateMachine):
    """Hypothesis chooses what happens next, likely or not, and how long it takes, and shrinks what differs."""

    @initialize(seed=st.integers(0, 2**16))
    def order(self, seed: int) -> None:
        self.play = Play(Author(Random(seed)))
        self.found = self.play.tell(Told(self.play.author.order_accepted(), None))

    @rule(seed=st.integers(0, 2**16))
    def pass_time(self, seed: int) -> None:
        self.play.author.random = Random(seed)
        self.play.author.pass_time()

    @rule(seed=st.integers(0, 2**16), waits=st.booleans())
    def go_on(self, seed: int, waits: bool) -> None:
        author = self.play.author
        author.random = Random(seed)
        if waits:
            author.pass_time()
        self.found = self.play.tell(next_event(author, WEIGHTS))

    @rule(make=st.sampled_from(list(WEIGHTS)), seed=st.integers(0, 2**16))
    def happen(self, make: Any, seed: int) -> None:
        author = self.play.author
        author.random = Random(seed)
        event = make(author)
        self.found = self.play.tell(Told(event, author.oracle.refusal(event)))

    @invariant()
    def nothing_differs(self) -> None:
        assert getattr(self, "found", []) == []


AccountMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestAccountMachine = AccountMachine.TestCase
