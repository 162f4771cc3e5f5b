"""A charge event exists once, is told to billing once, and never changes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role, system_actor
from fleet.domain.account import Account
from fleet.domain.charge import ChargeKind, ChargeRule, Ledger
from fleet.domain.errors import ConflictError, NotFoundError
from fleet.domain.money import Money
from fleet.services.build import Services
from fleet.store.charges import ChargeFilter, ChargeRepository
from tests.fleet.conftest import someone
from tests.fleet.services.charging import charge_of, credit_of, outbox_keys, record
from tests.fleet.services.equipment import Warehouse, sent, snapshot

FIRST, SECOND = charge_of("placement-1"), charge_of("placement-2", 5000, date(2026, 4, 1))


@pytest.fixture
def account(services: Services, admin: Actor) -> Account:
    return Warehouse(services, admin).open_account()


def ledger(services: Services, account: Account) -> Ledger:
    with services.transactions.read(system_actor("test")) as uow:
        return ChargeRepository(uow).ledger(account.id)


def test_what_is_recorded_is_read_as_it_was(services: Services, account: Account) -> None:
    events = (FIRST, credit_of(FIRST, 1500), SECOND)
    record(services, account.id, *events)
    assert ledger(services, account).events == events


def test_an_event_that_comes_again_is_neither_stored_nor_told_again(services: Services, account: Account) -> None:
    record(services, account.id, FIRST)
    before = snapshot(services)
    record(services, account.id, FIRST)
    assert snapshot(services) == before
    assert outbox_keys(services) == {f"charge:{FIRST.key}"}


@pytest.mark.parametrize(
    "wrong", [replace(FIRST, amount=Money(1)), credit_of(charge_of("placement-3"), 1), credit_of(FIRST, 6501)]
)
def test_what_contradicts_the_ledger_changes_nothing(services: Services, account: Account, wrong: object) -> None:
    record(services, account.id, FIRST)
    before = snapshot(services)
    with pytest.raises(ConflictError):
        record(services, account.id, SECOND, wrong)  # type: ignore[arg-type]
    assert snapshot(services) == before


def test_the_webhook_says_all_that_billing_needs(services: Services, account: Account) -> None:
    record(services, account.id, FIRST, credit_of(FIRST, 1500))
    charge, credit = (message["charge"] for message in sent(services, "webhook"))
    assert charge == {
        "key": "replacement_value:placement-1:once",
        "account": "AC-1",
        "kind": "charge",
        "rule": "replacement_value",
        "subject": "placement-1",
        "amount_cents": 6500,
        "currency": "USD",
        "date": "2026-03-02",
        "credits": None,
        "reason_rule": "ER 4",
        "reason": "It stays away.",
        "inputs": {"unit": "PT000000018"},
        "policy": [{"name": "replacement_value_cents", "value": 6500, "effective_from": "2026-01-01"}],
        "recorded_at": "2026-03-02T15:00:00+00:00",
    }
    assert (credit["kind"], credit["credits"]) == ("credit", charge["key"])


def test_pages_and_filters(services: Services, account: Account, admin: Actor) -> None:
    record(services, account.id, FIRST, credit_of(FIRST, 1500), SECOND)

    def keys(limit: int = 10, after: int | None = None, **wanted: object) -> list[str]:
        found = services.charges.page(admin, ChargeFilter(account.id, **wanted), limit, after)  # type: ignore[arg-type]
        return [f"{charge.event.kind} {charge.event.subject}" for charge in found]

    assert keys() == ["charge placement-1", "credit placement-1", "charge placement-2"]
    assert (keys(2), keys(2, 2)) == (keys()[:2], keys()[2:])
    assert keys(kind=ChargeKind.CREDIT) == keys(rule=ChargeRule.LATE_RETURN) == keys()[1:2]
    assert keys(subject="placement-2") == keys(since=date(2026, 4, 1)) == keys()[2:]
    assert keys(until=date(2026, 3, 2)) == keys()[:2]
    assert keys(since=date(2026, 3, 3), until=date(2026, 3, 31)) == []


def test_the_file_has_a_line_an_event(services: Services, account: Account, admin: Actor) -> None:
    record(services, account.id, FIRST, credit_of(FIRST, 1500))
    text = "".join(services.charges.export(admin, ChargeFilter()))
    charge, credit = csv.DictReader(io.StringIO(text))
    assert (charge["key"], charge["amount_cents"], charge["date"], charge["credits"]) == (
        FIRST.key,
        "6500",
        "2026-03-02",
        "",
    )
    assert json.loads(charge["inputs"]) == {"unit": "PT000000018"}
    assert credit["credits"] == FIRST.key


def test_a_file_longer_than_a_batch_is_whole(
    services: Services, account: Account, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.services.charges.EXPORT_ROWS", 2)
    record(services, account.id, *(charge_of(f"placement-{number}") for number in range(5)))
    text = "".join(services.charges.export(admin, ChargeFilter(account.id)))
    assert len(list(csv.DictReader(io.StringIO(text)))) == 5


def test_an_administrator_sees_the_charges_of_their_own_account_alone(services: Services, account: Account) -> None:
    record(services, account.id, FIRST)
    stranger = Warehouse(services, someone(Role.ADMIN)).open_account("Osprey Books")
    foreign = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=stranger.id)
    before = snapshot(services)
    for read in (services.charges.export, lambda a, w: services.charges.page(a, w, 10, None)):
        with pytest.raises(NotFoundError):
            read(foreign, ChargeFilter(account.id))
        with pytest.raises(ForbiddenError):
            read(someone(Role.WAREHOUSE), ChargeFilter(account.id))
    assert snapshot(services) == before
    assert "placement" not in "".join(services.charges.export(foreign, ChargeFilter()))
    own = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=account.id)
    assert FIRST.key in "".join(services.charges.export(own, ChargeFilter()))
