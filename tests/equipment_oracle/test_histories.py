"""Random histories keep what must hold whatever happens, and reach every rule."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from datetime import datetime, timedelta
from random import Random

import pytest

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.calendar import first_instant, local_date, plus_days
from tests.equipment_oracle.charges import VALUE_RULES, ChargeEvent, ChargeKind, Rule
from tests.equipment_oracle.histories import Told, history
from tests.equipment_oracle.oracle import Oracle, RefusedError
from tests.equipment_oracle.terms import Term, Why

SEEDS = range(15)
EVENTS = 60
AFTERWARDS = timedelta(days=90)


def told(seed: int) -> list[Told]:
    return list(history(Random(seed), EVENTS))


@pytest.fixture(scope="module", params=SEEDS)
def events(request: pytest.FixtureRequest) -> list[Told]:
    return told(request.param)


def played(events: list[Told]) -> Oracle:
    oracle = Oracle()
    for entry in events:
        if entry.refused is None:
            oracle.tell(entry.event)
    oracle.advance(events[-1].event.known_at + AFTERWARDS)
    return oracle


def owed(lines: tuple[ChargeEvent, ...]) -> int:
    return sum(line.cents if line.kind is ChargeKind.CHARGE else -line.cents for line in lines)


def test_a_seed_always_tells_the_same_history():
    assert told(3) == told(3)
    assert told(3) != told(4)


def test_fee_and_replacement_value_of_a_unit_are_never_more_than_the_larger(events: list[Told]):
    oracle = played(events)
    of_unit: Counter[str] = Counter()
    most = max([6500, *(event.value for event in oracle.facts.of(ev.PolicySet) if "cents" in event.policy)])
    for line in oracle.charges():
        if line.rule is Rule.FEE or line.rule in VALUE_RULES:
            of_unit[line.subject] += line.cents if line.kind is ChargeKind.CHARGE else -line.cents
            assert 0 <= of_unit[line.subject] <= most


def test_credits_name_a_charge_and_never_exceed_it(events: list[Told]):
    lines = played(events).charges()
    charges = {line.number: line for line in lines if line.kind is ChargeKind.CHARGE}
    credited: Counter[int] = Counter()
    for line in lines:
        assert line.cents > 0
        assert (line.kind is ChargeKind.CREDIT) == (line.credited is not None)
        if line.credited is not None:
            assert line.credited < line.number
            credited[line.credited] += line.cents
            assert credited[line.credited] <= charges[line.credited].cents


def test_evidence_never_raises_what_is_owed(events: list[Told]):
    oracle = Oracle()
    for entry in events:
        oracle.advance(entry.event.known_at)
        before = owed(oracle.charges())
        if entry.refused is None:
            oracle.tell(entry.event)
            if isinstance(entry.event, ev.Evidence):
                assert owed(oracle.charges()) <= before


def test_a_fee_is_charged_only_in_term_and_once(events: list[Told]):
    oracle = Oracle()
    fees: Counter[str] = Counter()

    def check(known: int) -> None:
        for line in oracle.charges()[known:]:
            if line.rule is Rule.FEE and line.kind is ChargeKind.CHARGE:
                fees[line.subject] += 1
                end, term = oracle.service_end(line.subject), oracle.term(line.subject)
                assert end is not None
                assert isinstance(term, Term)
                assert term.begins <= end.day < term.ends
                assert term.superseded_on is None or end.day < term.superseded_on

    for entry in events:
        known = len(oracle.charges())
        for due in [instant for instant in oracle.due_instants() if instant <= entry.event.known_at]:
            oracle.advance(due)
            check(known)
            known = len(oracle.charges())
        if entry.refused is None:
            oracle.tell(entry.event)
        check(known)
    assert all(count == 1 for count in fees.values())


def test_a_refused_event_changes_nothing(events: list[Told]):
    oracle = Oracle()
    for entry in events:
        oracle.advance(entry.event.known_at)
        assert oracle.refusal(entry.event) == entry.refused
        if entry.refused is None:
            oracle.tell(entry.event)
            continue
        before = (oracle.facts, oracle.charges())
        with pytest.raises(RefusedError):
            oracle.tell(entry.event)
        assert (oracle.facts, oracle.charges()) == before


def test_looking_every_day_decides_the_same_as_looking_once(events: list[Told]):
    daily = Oracle()

    def wait_daily(until: datetime) -> None:
        day = plus_days(local_date(max(daily.facts.now, events[0].event.at)), 1)
        while first_instant(day) < until:
            daily.advance(first_instant(day))
            day = plus_days(day, 1)
        daily.advance(until)

    for entry in events:
        if entry.refused is None:
            wait_daily(entry.event.known_at)
            daily.tell(entry.event)
    wait_daily(events[-1].event.known_at + AFTERWARDS)
    assert daily.charges() == played(events).charges()


def test_a_quote_for_today_is_what_removing_the_line_costs(events: list[Told]):
    oracle = Oracle()
    for entry in events:
        if entry.refused is not None:
            continue
        oracle.tell(entry.event)
        now = oracle.facts.now
        quote = oracle.quote(local_date(now))
        for line in quote:
            removed = ev.LastLineRemoved(at=now, known_at=now, serial=line.serial)
            latest = [other.shipment for other in quote if other.serial == line.serial][-1]
            if latest != line.shipment or oracle.refusal(removed) is not None:
                continue
            end = Oracle(oracle.facts, deepcopy(oracle.ledger))
            end.tell(removed)
            new = end.charges()[len(oracle.charges()) :]
            charged = sum(n.cents for n in new if n.rule is Rule.FEE and n.subject == line.shipment)
            assert charged == line.cents, line


def test_the_histories_reach_every_kind_of_event_and_most_reasons():
    legal: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    why: Counter[Why] = Counter()
    decided: Counter[tuple[ChargeKind, Rule]] = Counter()
    for seed in range(50):
        entries = told(seed)
        for entry in entries:
            (legal if entry.refused is None else refused)[type(entry.event).__name__] += 1
        decided.update((line.kind, line.rule) for line in played(entries).charges())
        middle = Oracle()
        for entry in entries[: len(entries) // 2]:
            if entry.refused is None:
                middle.tell(entry.event)
        for oracle in (middle, played(entries)):
            for ahead in (0, 100, 400):
                why.update(line.why for line in oracle.quote(plus_days(local_date(oracle.facts.now), ahead)))
    kinds = {kind.__name__ for kind in ev.Event.__subclasses__() + ev.Evidence.__subclasses__()} - {"Evidence"}
    assert kinds - set(legal) == set()
    assert {"UnitShipped", "RmaOpened", "ReturnReceived", "Inspected", "CancellationAsked"} <= set(refused)
    assert {rule for _, rule in decided} == set(Rule)
    assert len(why) >= 9, why
