"""What no history of equipment may show, whoever was at it at once and wherever they were killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from fleet.domain.access import system_actor
from fleet.domain.charge import ChargeRule, Ledger
from fleet.domain.equipment_charges import subject_of
from fleet.domain.local_dates import local_date
from fleet.domain.money import ZERO
from fleet.domain.policy import PolicyName
from fleet.domain.quote import quote
from fleet.domain.rma import (
    DECISION,
    REPLACEMENT,
    RETURN,
    Decision,
    DecisionEvent,
    Replacement,
    ReplacementEvent,
    Return,
    ReturnEvent,
)
from fleet.domain.settlement import value_causes
from fleet.services.settlement import LOSS_REPORT, Books, return_cases, settle
from fleet.store.tables.charges import charge_events
from fleet.store.tables.commerce import placements, rma_steps, rmas, term_events
from fleet.store.tables.endings import account_services, cancellations
from fleet.store.tables.equipment import configurations, identities, units
from fleet.store.tables.ingest import dead_letters
from fleet.store.tables.inventory import mac_addresses
from fleet.store.tables.journal import audit_log, outbox
from fleet.store.tables.requests import errands
from tests.fleet.store.equipment_acts import DONE, Act
from tests.fleet.store.equipment_world import World, door
from tests.fleet.store.voice_faults import voice_faults

ZONE: Final = ZoneInfo("America/New_York")
ACCOUNTS: Final = (1, 2)
TRACKS: Final[dict[str, tuple[Any, Any, Any, Any]]] = {
    "decision": (DECISION, Decision, DecisionEvent, Decision.REQUESTED),
    "replacement": (REPLACEMENT, Replacement, ReplacementEvent, Replacement.NONE),
    "return": (RETURN, Return, ReturnEvent, Return.AWAITED),
}
SERVING: Final = ("outgoing_only", "full")
MAILS: Final = {"requested": "request", "withdrawn": "withdrawal", "completed": "completion"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call, and what it was answered in the end."""

    act: Act
    number: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of some tables, read in one transaction."""

    connection: Connection

    def of(self, table: Any, *conditions: Any) -> list[Any]:
        return list(self.connection.execute(select(table).where(*conditions)))


def faults(world: World, calls: Iterable[Call], now: datetime) -> list[str]:
    """All that is wrong, in words; what the calls were answered is held against what is there."""
    engine = door().open(world.url, now)
    calls = list(calls)
    try:
        with engine.connect() as connection:
            rows = Rows(connection)
            found = [f"{call.act.name}: {call.outcome}" for call in calls if call.outcome.startswith("fault")]
            for check in (_placements, _units, _swaps, _lines, _tracks, _journal):
                found += check(rows)
            found += voice_faults(connection)
            found += _answers(rows, [call for call in calls if call.outcome == DONE])
        return found + list(_money(now))
    finally:
        engine.dispose()


def _placements(rows: Rows) -> Iterator[str]:
    """A unit is at one place, and at that of its placement."""
    here = {row.serial: row for row in rows.of(placements, placements.c.until.is_(None))}
    for unit in rows.of(units):
        placement = here.get(unit.serial)
        if (placement is None) is (unit.custody in ("shipped", "at_account")):
            yield f"{unit.serial} is {unit.custody}, its placement {placement and placement.id}"
        if unit.account_id != (placement and placement.account_id):
            yield f"{unit.serial} is at account {unit.account_id}, its placement {placement and placement.id}"
        if placement is not None and (unit.service == "unplaced" or (unit.service == "active") > _active(placement)):
            yield f"{unit.serial} is {unit.service}, its placement {placement.id}"


def _active(placement: Any) -> bool:
    return placement.activated_at is not None


def _units(rows: Rows) -> Iterator[str]:
    """Each MAC is one unit's; an identity is dead exactly if somebody or a swap ended it."""
    made = {(row.serial, row.mac) for row in rows.of(units)}
    if made != {(row.serial, row.mac) for row in rows.of(mac_addresses)} or len({mac for _, mac in made}) != len(made):
        yield "units and addresses do not fit"
    ended = {row.subject for row in rows.of(audit_log, audit_log.c.action.in_(["unit:revoke", "unit:scrap"]))}
    for row in rows.of(identities):
        if (row.state == "dead") is not (row.serial in ended):
            yield f"the identity of {row.serial} is {row.state}, ended by the audit: {row.serial in ended}"
    for row in rows.of(units, units.c.trust == "revoked"):
        if row.serial not in ended:
            yield f"{row.serial} is revoked, and nobody did it"


def _swaps(rows: Rows) -> Iterator[str]:
    """Of a swapped pair the replacement has taken over whole, of one that is to come nothing has moved."""
    every = {row.id: row for row in rows.of(placements)}
    swaps = Counter(row.subject for row in rows.of(audit_log, audit_log.c.action == "rma:swap"))
    states = {row.serial: row for row in rows.of(units)}
    dead = {row.serial for row in rows.of(identities, identities.c.state == "dead")}
    for new in every.values():
        old = every.get(new.replaces or 0)
        if old is None or old.serial == new.serial:
            continue
        came = new.registered_at is not None
        if swaps[new.serial] != came:
            yield f"{new.serial} came on: {came}, and was swapped in {swaps[new.serial]} times"
        if came and old.serial not in dead:
            yield f"{new.serial} took over, and the identity of {old.serial} lives"
        if came and old.until is None and states[old.serial].service != "replaced":
            yield f"{new.serial} took over, and {old.serial} is {states[old.serial].service}"
        if not came and states[old.serial].service == "replaced":
            yield f"{old.serial} is replaced by {new.serial}, which never came on"


def _lines(rows: Rows) -> Iterator[str]:
    """A line serves a unit that is its account's, on, trusted, not replaced, while the account is served; no other."""
    levels = {row.serial: row.line_level for row in rows.of(configurations)}
    service = {row.account_id: row.state for row in rows.of(account_services)}
    ended = Counter(row.placement_id for row in rows.of(term_events, term_events.c.kind == "service_ended"))
    yield from (
        f"the service of placement {number} ended {times} times" for number, times in ended.items() if times > 1
    )
    here = {row.serial: row for row in rows.of(placements, placements.c.until.is_(None))}
    for unit in rows.of(units):
        placement = here.get(unit.serial)
        serves = placement is not None and placement.registered_at is not None and not ended[placement.id]
        serves = serves and service.get(unit.account_id, "available") == "available"
        serves = serves and unit.service != "replaced" and unit.trust == "good" and unit.custody == "at_account"
        if (levels.get(unit.serial, "none") in SERVING) is not serves:
            yield f"the line of {unit.serial} is {levels.get(unit.serial)}, and should serve: {serves}"


def _tracks(rows: Rows) -> Iterator[str]:
    """Each RMA is where its steps led, and its units are where it says."""
    where = {row.serial: row for row in rows.of(units)}
    stays = {row.id: row for row in rows.of(placements)}
    kept = rows.of(rmas)
    for rma in kept:
        steps = [row for row in rows.of(rma_steps, rma_steps.c.rma_id == rma.id) if row.event != LOSS_REPORT]
        stored = {"decision": rma.decision, "replacement": rma.replacement, "return": rma.return_state}
        for track, (table, states, events, first) in TRACKS.items():
            state: Any = first
            for step in sorted((row for row in steps if row.track == track), key=lambda row: row.id):
                state = table.get((state, events(step.event)), f"nowhere after {state}, {step.event}")
                if state not in states or state != step.state:
                    yield f"RMA-{rma.id}: {track} is {state} after {step.event}, kept as {step.state}"
                    break
            if state != stored[track]:
                yield f"RMA-{rma.id}: {track} is {stored[track]}, its steps lead to {state}"
        back = any(step.event == "receive" for step in steps)
        if back and stays[rma.placement_id].until is None:
            yield f"RMA-{rma.id} has its unit back, which is still placed"
        sent = stays.get(rma.replacement_placement_id or 0)
        if rma.replacement == "shipped" and (sent is None or sent.until is not None or sent.registered_at is not None):
            yield f"RMA-{rma.id}: the replacement is shipped, its placement {sent and sent.id} is not on its way"
    reserved = sorted(rma.replacement_serial for rma in kept if rma.replacement == "reserved")
    if reserved != sorted(serial for serial, unit in where.items() if unit.custody == "reserved"):
        yield f"reserved by RMAs: {reserved}, in the warehouse others"


def _journal(rows: Rows) -> Iterator[str]:
    """Every charge and every state of a cancellation is told once; every eviction has its act."""
    letters = rows.of(outbox)
    keys = Counter((row.kind, row.key) for row in letters)
    charged = {("webhook", f"charge:{row.key}") for row in rows.of(charge_events)}
    if charged != {key for key in keys if key[0] == "webhook" and not key[1].startswith("voice")}:
        yield "charges and what billing is told of them do not fit"
    told = {("mail", f"cancellation_request:CN-{row.id}") for row in rows.of(cancellations)} | {
        ("mail", f"cancellation_{MAILS[row.state]}:CN-{row.id}") for row in rows.of(cancellations) if row.state in MAILS
    }
    confirmations = {f"cancellation_{name}" for name in MAILS.values()}
    if told != {key for key in keys if key[0] == "mail" and key[1].partition(":")[0] in confirmations}:
        yield "cancellations and their confirmations do not fit"
    evicted = Counter(
        (json.loads(row.payload)["serial"], row.key.split(":")[2]) for row in letters if row.kind == "revoke"
    )
    acts = Counter[tuple[str, str]]()
    names = {"unit:quarantine": "quarantined", "unit:clear": "cleared", "unit:scrap": "scrapped"}
    for row in rows.of(audit_log):
        name = names.get(row.action) or ("replaced" if row.actor_kind == "unit" else "revoked")
        if row.action in names or row.action == "unit:revoke":
            acts[row.subject, name] += 1
    for row in rows.of(dead_letters):  # of units that were ready without being let in: one message a batch
        if "has not registered in epoch" in row.reason:
            acts[row.serial, "unregistered"] += 1
    if evicted != acts:
        yield f"thrown out: {evicted - acts}, not thrown out: {acts - evicted}"


def _answers(rows: Rows, done: list[Call]) -> Iterator[str]:
    """What was answered as done was done, once; what was refused was not."""
    asked = Counter(str(call.act.action) for call in done if call.act.action is not None)
    by_operators = rows.of(audit_log, audit_log.c.actor_kind == "token")
    audited = Counter(
        row.action for row in by_operators if row.action in asked or row.action.startswith(("rma:", "unit:"))
    )
    if asked != audited:
        yield f"answered, not audited: {asked - audited}; audited, not answered: {audited - asked}"
    keys = {f"call-{call.number}" for call in done if call.act.action is not None}
    known = {row.key for row in rows.of(errands)}
    if not keys <= known:
        yield f"answered and forgotten: {sorted(keys - known)}"


def _money(now: datetime) -> Iterator[str]:
    """What each account was charged is what the facts say it owes, and to settle once more changes nothing."""
    for account_id in ACCOUNTS:
        with door().services.transactions.begin(system_actor("test")) as uow:
            before = Books.hold(uow, account_id, ZONE)
            yield from _owed(before, now)
            settle(uow, account_id, ZONE)
            after = Books.hold(uow, account_id, ZONE).ledger
            if after != before.ledger:
                yield f"account {account_id}: not settled, {[e.key for e in after.events[len(before.ledger.events) :]]}"


def _owed(books: Books, now: datetime) -> Iterator[str]:
    ledger, today = books.ledger, local_date(now, ZONE)
    if Ledger().add(ledger.events) != ledger or len({event.key for event in ledger.events}) != len(ledger.events):
        yield f"account {books.account_id}: a charge is there twice"
    cases = return_cases(books.uow, books.account_id, ZONE)
    for number, term in books.terms().items():
        subject = subject_of(number)
        fee = ledger.charged(ChargeRule.REIMBURSEMENT_FEE, subject)
        value = ledger.charged(ChargeRule.REPLACEMENT_VALUE, subject)
        causes = [cause for case in cases.get(number, ()) for cause in value_causes(case, today, books.policy)]
        most = max(books.policy.money_on(PolicyName.REPLACEMENT_VALUE_CENTS, c.on) for c in causes) if causes else ZERO
        ended_on = term.service_ended_on
        owed_fee = ZERO if ended_on is None else quote([term], ended_on)[0].fee
        if fee + value != max(most, owed_fee, key=lambda money: money.cents):
            yield f"{subject}: charged {fee} and {value}, owed {owed_fee} or {most}"
