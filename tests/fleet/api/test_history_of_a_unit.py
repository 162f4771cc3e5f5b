"""One unit, two accounts after each other: neither ever sees an instant of the other's time with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import insert
from starlette.testclient import TestClient

from fleet.domain.access import ROLE_PERMISSIONS, Actor, Permission, Role, system_actor
from fleet.domain.account import Account
from fleet.domain.configuration import Channel, parse_window
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.credentials import Prefix, mint
from fleet.services.ingest import GATEWAY
from fleet.services.unit_views import UnitFilter
from fleet.store.credentials import CredentialRepository
from fleet.store.ingest import IngestStore, UnitEvent
from fleet.store.rollouts import RolloutRepository
from fleet.store.tables.releases import releases
from fleet.store.tables.rollouts import rollouts
from tests.fleet.api.openapi_bodies import operations
from tests.fleet.conftest import Clock, someone
from tests.fleet.domain.calls import call
from tests.fleet.services.calling import Caller
from tests.fleet.services.equipment import Warehouse

FIRST, BENCH, SECOND, TODAY = (datetime(2026, month, 7, 15, tzinfo=UTC) for month in (3, 6, 9, 11))
THEIRS, AT_THE_BENCH, OURS = "2026-03", "2026-06", "2026-09"


@pytest.fixture
def warehouse(services: Services) -> Warehouse:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    return warehouse


def administrator(account: Account) -> Actor:
    return someone(Role.ACCOUNT_ADMINISTRATOR, account_id=account.id)


def live_with(warehouse: Warehouse, account: Account, unit: Unit, clock: Clock, argument: int) -> None:
    """All that a unit and its account leave behind in a few minutes of service."""
    services, actor = warehouse.services, warehouse.actor
    warehouse.send(account, unit)
    clock.advance(minutes=10)
    warehouse.register(unit)
    clock.advance(minutes=1)
    warehouse.ready(unit)
    warehouse.beat(unit)
    caller = Caller(warehouse)
    caller.come_on(unit, boot_id=argument)
    caller.tell(unit, call(number=f"+121255501{argument}", started_s=caller.seconds_ago()), boot_id=argument)
    services.units.configure(actor, unit.serial, Channel.BETA, parse_window("01:00", f"01:{argument:02}"))
    services.units.command(actor, unit.serial, "identify", argument)
    with services.transactions.begin(GATEWAY) as uow:
        IngestStore(uow.connection).add_events([UnitEvent(unit.serial, "link_up", argument, 0, uow.now)])
        version = f"1.0.{argument}"
        row = {"version": version, "notes": "", "published_by": "PE-1", "published_at": uow.now}
        release = uow.connection.execute(insert(releases).values(row).returning(releases.c.id)).scalar_one()
        store = RolloutRepository(uow)
        rollout = store.add(release, [unit.serial], 1, "PE-1")
        uow.connection.execute(rollouts.update().where(rollouts.c.id == rollout.id).values(started_at=uow.now))
        uow.commit()
    clock.advance(minutes=1)


@pytest.fixture
def told(warehouse: Warehouse, clock: Clock) -> tuple[Unit, Account, Account]:
    """A unit that was at one account, came back, was at the bench, and is at another now."""
    clock.now = FIRST
    former = warehouse.open_account("Osprey Legal")
    unit = warehouse.stock()
    live_with(warehouse, former, unit, clock, 11)
    warehouse.take_back(unit)
    clock.now = BENCH
    unit = warehouse.refurbish(unit)
    warehouse.services.units.command(warehouse.actor, unit.serial, "self_test", 33)
    warehouse.register(unit)
    warehouse.beat(unit)
    clock.now = SECOND
    present = warehouse.open_account("Heron Dental")
    live_with(warehouse, present, unit, clock, 22)
    clock.now = TODAY
    return unit, former, present


def test_the_present_account_sees_its_own_time_alone(told: tuple[Unit, Account, Account], warehouse: Warehouse) -> None:
    unit, _, present = told
    services, actor = warehouse.services, administrator(present)
    detail, history = services.units.get(actor, unit.serial), services.unit_views.history(actor, unit.serial)
    assert [command.argument for command in detail.commands] == [22]
    assert [event.value for event in history.events] == [22]
    assert [part.release for part in history.rollouts] == ["1.0.22"]
    assert detail.heartbeat is not None
    assert detail.readiness is not None
    (row,) = services.unit_views.page(actor, UnitFilter(), 10, None)
    assert row.heard_at == detail.heartbeat.received_at
    with services.transactions.read(actor) as uow:
        assert [rollout.release for rollout, _ in RolloutRepository(uow).parts_of(unit.serial)] == ["1.0.22"]
    everything = services.units.get(warehouse.actor, unit.serial).commands
    assert [command.argument for command in everything] == [22, 33, 11], "the operator keeps the unit's whole history"
    assert len(services.unit_views.history(warehouse.actor, unit.serial).events) == 2


def test_until_the_unit_speaks_from_its_account_what_it_said_at_the_warehouse_is_not_shown(
    warehouse: Warehouse, clock: Clock
) -> None:
    unit, account = warehouse.stock(), warehouse.open_account()
    warehouse.register(unit)
    warehouse.ready(unit)
    warehouse.beat(unit)
    clock.advance(hours=1)
    warehouse.send(account, unit)
    services, actor = warehouse.services, administrator(account)
    detail = services.units.get(actor, unit.serial)
    assert (detail.heartbeat, detail.readiness) == (None, None)
    assert [row.heard_at for row in services.unit_views.page(actor, UnitFilter(), 10, None)] == [None]
    assert services.units.get(warehouse.actor, unit.serial).heartbeat is not None


def answers(app: FastAPI, services: Services, account: Account, unit: Unit) -> Iterator[tuple[str, Any]]:
    """What every read answers somebody of `account` with every permission, about the unit and in every list."""
    with services.transactions.begin(system_actor("test")) as uow:
        bound = mint(Prefix.TOKEN)
        CredentialRepository(uow).add_token(
            "bound", frozenset(Permission), person_id=None, account_id=account.id, digest=bound.digest,
            hint=bound.hint, expires_at=None,
        )  # fmt: skip
        uow.commit()
    names = {"serial": unit.serial, "mac": str(unit.mac), "account": f"AC-{account.id}", "rma": "RMA-1"}
    names |= {"order": f"OR-{account.id}"}
    with TestClient(app) as client:
        for method, path, operation in operations(app.openapi()):
            wanted = operation.get("x-permission")
            if method != "GET" or wanted not in ROLE_PERMISSIONS[Role.ACCOUNT_ADMINISTRATOR] | {Permission.AUDIT_READ}:
                continue
            try:
                where = path.format_map(names)
            except KeyError:
                continue
            yield path, client.get(where, headers={"Authorization": f"Bearer {bound.text}"})


def test_no_read_over_http_shows_the_present_account_the_time_before(
    told: tuple[Unit, Account, Account], app: FastAPI, services: Services
) -> None:
    unit, _, present = told
    seen = {}
    for path, answer in answers(app, services, present, unit):
        assert THEIRS not in answer.text, (path, answer.text)
        assert AT_THE_BENCH not in answer.text, (path, answer.text)
        seen[path] = OURS in answer.text
    assert seen["/v1/units/{serial}"]
    assert seen["/v1/units/{serial}/term"]
    assert seen["/v1/calls"]
    assert seen["/v1/units/{serial}/calls"]
    assert seen["/v1/accounts/{account}/call-usage"]
    assert seen["/v1/audit"]


def test_no_read_over_http_shows_the_former_account_the_time_after(
    told: tuple[Unit, Account, Account], app: FastAPI, services: Services
) -> None:
    unit, former, _ = told
    seen = {}
    for path, answer in answers(app, services, former, unit):
        assert OURS not in answer.text, (path, answer.text)
        assert AT_THE_BENCH not in answer.text, (path, answer.text)
        seen[path] = answer.status_code
    assert (seen["/v1/units/{serial}"], seen["/v1/rmas/{rma}"], seen["/v1/units/{serial}/term"]) == (404, 200, 200)
