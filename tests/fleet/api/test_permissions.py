"""No route without a permission, no way round it, and nothing of one account for another: from the OpenAPI document."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select
from starlette.testclient import TestClient

from fleet.api.app import create_app
from fleet.domain.access import ROLE_PERMISSIONS, Permission, Role, system_actor
from fleet.domain.account import Account
from fleet.domain.audit import OTHER_READS, READ_ACTIONS, READS
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.people import LinkPurpose
from fleet.domain.rma import Condition, ReplacementMode, RmaKind
from fleet.domain.termination import Breach
from fleet.domain.unit import Unit
from fleet.services.build import Services, build_services
from fleet.services.calls import CallsWanted
from fleet.services.cancellations import Asked
from fleet.services.credentials import Passwords, Prefix, mint
from fleet.store.base import metadata
from fleet.store.clone_alarms import KeptAlarm
from fleet.store.credentials import CredentialRepository
from fleet.store.tables.journal import audit_log
from fleet.store.tables.people import people
from tests.fleet.api.openapi_bodies import body_of, operations
from tests.fleet.conftest import START, Clock, Settings, someone
from tests.fleet.new_database import make_tables
from tests.fleet.services.calling import leave_traces
from tests.fleet.services.equipment import HOME, Warehouse

PASSWORD = "four words nobody guessed"
OPEN_TO_ALL = {
    ("GET", "/healthz"),
    ("GET", "/v1/openapi.json"),
    ("POST", "/v1/setup"),
    ("POST", "/v1/passwords"),
    ("POST", "/v1/sessions"),
    ("GET", "/updates/metadata/{name}"),
    ("GET", "/updates/targets/{name}"),
    ("GET", "/updates/director/{name}"),
}
# What belongs to no account, so that an actor bound to one has no business there.
NOBODYS = {"release", "rollout", "version", "entry", "distributor"}


@dataclass(frozen=True)
class House:
    """An account and what it has."""

    account: str
    name: str
    parameters: dict[str, str]
    marks: tuple[str, ...]  # what must never be seen by another account
    administrator: str  # the bearer's secret
    bound: str  # a token with every permission, bound to this account


@dataclass(frozen=True)
class World:
    """A fleet with two accounts, its API, and a bearer for each role."""

    services: Services
    client: TestClient
    document: dict[str, Any]
    secrets: dict[Role, str]
    ours: House
    theirs: House

    def call(self, secret: str | None, method: str, path: str, body: Any = None, **query: str) -> Any:
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        return self.client.request(method, path, headers=headers, json=body, params=query)

    def rows(self) -> dict[str, list[Any]]:
        """Everything stored, but that something was read: reads of account data are audited."""
        with self.services.transactions.engine.connect() as connection:
            found = {name: [tuple(r) for r in connection.execute(select(t))] for name, t in metadata.tables.items()}
            changes = select(audit_log).where(audit_log.c.action.not_in(READS))
            return found | {"audit_log": [tuple(r) for r in connection.execute(changes)]}


def copied(warehouse: Warehouse, unit: Unit, account: Account) -> KeptAlarm:
    """The alarm that another unit of the account claims the unit's MAC address."""
    warehouse.register(warehouse.place(account), mac=unit.mac.octets)
    return warehouse.services.clone_alarms.page(warehouse.actor, 99, None)[-1]


def admitted(services: Services, account: Account) -> tuple[Row[Any], str]:
    """The account's Administrator, with a password, and a token bound to the account that has every permission."""
    with services.transactions.begin(system_actor("test")) as uow:
        person = uow.connection.execute(select(people).where(people.c.account_id == account.id)).one()
        credentials = CredentialRepository(uow)
        link, bound = mint(Prefix.LINK), mint(Prefix.TOKEN)
        credentials.add_link(LinkPurpose.PASSWORD, person.id, link.digest, datetime(2030, 1, 1, tzinfo=UTC))
        credentials.add_token(
            "bound", frozenset(Permission), person_id=None, account_id=account.id, digest=bound.digest,
            hint=bound.hint, expires_at=None,
        )  # fmt: skip
        uow.commit()
    services.people.choose_password(link.text, PASSWORD)
    return person, bound.text


def called(warehouse: Warehouse, unit: Unit, account: Account, name: str) -> dict[str, str]:
    """What a unit that calls leaves, by the names of parameters; with `name` in the words."""
    services, actor = warehouse.services, warehouse.actor
    leave_traces(warehouse, unit, name)
    return {
        "call": services.calls.page(actor, CallsWanted(account.id), 1, None)[0].reference,
        "destination_block": services.destination_blocks.page(actor, 99, None, account.id, in_force=False)[
            -1
        ].reference,
        "review": services.use_reviews.page(actor, 99, None)[-1].reference,
    }


def build_house(services: Services, warehouse: Warehouse, name: str) -> House:
    account = warehouse.open_account(name)
    unit = warehouse.place(account)
    person, bound = admitted(services, account)
    session = services.access.sign_in(person.email, PASSWORD, "")
    actor = services.access.actor_of_secret(session.secret)
    token = services.access.create_token(actor, f"{name} token", actor.permissions, None).token
    rma = services.rmas.open(warehouse.actor, unit.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, f"{name} is mute")
    asked = Asked(START, NoticeChannel.DISTRIBUTOR, f"PE-{person.id}", passed_on_by="Phones & More")
    cancellation = services.cancellations.request(warehouse.actor, account.id, asked).cancellation
    order = services.orders.page(warehouse.actor, 99, None)[-1]
    blind = warehouse.place(account)
    held = services.blind_returns.take_in(warehouse.actor, blind.serial, Condition.SOUND, f"{name} sent it").blind
    assert held is not None
    notice = services.terminations.give_notice(warehouse.actor, account.id, Breach.OTHER, f"{name} called too much")
    alarm = copied(warehouse, unit, account)
    reference = f"AC-{account.id}"
    number = services.numbers.page(warehouse.actor, 1, None, account_id=account.id)[0]
    calling = called(warehouse, unit, account, f"{name} caller")
    parameters = {
        "account": reference,
        "person": f"PE-{person.id}",
        "token": token.reference,
        "serial": unit.serial,
        "mac": str(unit.mac),
        "number": number.reference,
        "order": f"OR-{order.id}",
        "rma": f"RMA-{rma.id}",
        "blind_return": held.reference,
        "breach_notice": notice.reference,
        "cancellation": f"CN-{cancellation.id}",
        "alarm": alarm.reference,
        **calling,
    }
    marks = (name, person.email, unit.serial, str(unit.mac), f"{name} token", f'"{reference}"', f'"RMA-{rma.id}"')
    marks += (f'"CN-{cancellation.id}"', f'"{held.reference}"', blind.serial, f'"{notice.reference}"')
    marks += (alarm.alarm.quarantined, number.number, HOME.address, f"{name} caller")
    marks += tuple(f'"{each}"' for each in calling.values())
    return House(reference, name, parameters, marks, session.secret, bound)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, authorities: Path, passwords: Passwords) -> Iterator[World]:
    data_dir = tmp_path_factory.mktemp("permissions")
    shutil.copytree(authorities, data_dir / "pki")
    services = build_services(Settings(data_dir=data_dir), Clock(START), passwords)
    make_tables(services.transactions.engine)
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    ours = build_house(services, warehouse, "Heron")
    theirs = build_house(services, warehouse, "Osprey")
    secrets = {
        role: services.access.issue_host_token(f"{role} of the operator", role).secret
        for role in set(Role) - {Role.ACCOUNT_ADMINISTRATOR}
    }
    secrets[Role.ACCOUNT_ADMINISTRATOR] = ours.administrator
    app = create_app(replace(services, provisioning=warehouse.provisioning))  # which has its root metadata
    with TestClient(app) as client:
        yield World(services, client, app.openapi(), secrets, ours, theirs)


def filled(path: str, house: House) -> str:
    anybodys = {"version": "9.9.9", "rollout": "RO-1", "entry": "1", "name": "x", "block": "MB-1", "lease": "ML-1"}
    anybodys["distributor"] = "DI-1"
    anybodys |= {"country": "CU", "minimum": "MV-1"}
    return path.format_map({**anybodys, **house.parameters})


def test_every_operation_declares_a_permission_and_the_open_ones_are_known(world: World) -> None:
    declared = {(method, path): operation.get("x-permission") for method, path, operation in operations(world.document)}
    assert len(declared) > 40
    assert {key for key, permission in declared.items() if permission == "public"} == OPEN_TO_ALL
    assert set(declared.values()) <= {*Permission, "public"}


def test_the_document_names_every_route_the_application_has(world: World) -> None:
    from fleet.api.app import ROUTERS
    from fleet.api.routing import PermittedRoute

    routes = [route for router in ROUTERS for route in router.routes]
    assert all(isinstance(route, PermittedRoute) for route in routes)
    served = {(method, route.path) for route in routes for method in route.methods}
    assert served == {(method, path) for method, path, _ in operations(world.document)}


def test_without_a_credential_nothing_but_the_open_routes_answers(world: World) -> None:
    before = world.rows()
    for method, path, operation in operations(world.document):
        if (method, path) in OPEN_TO_ALL:
            continue
        body = body_of(world.document, operation, {})
        for secret in (None, "plt_wrong", "pls_wrong", "x" * 5000):
            assert world.call(secret, method, filled(path, world.ours), body).status_code == 401, (method, path)
    assert world.rows() == before


@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_refused_exactly_where_it_lacks_the_permission(world: World, role: Role) -> None:
    before, refused = world.rows(), 0
    for method, path, operation in operations(world.document):
        if (method, path) in OPEN_TO_ALL:
            continue
        lacks = operation["x-permission"] not in ROLE_PERMISSIONS[role]
        if not lacks and method != "GET":
            continue  # what a role may do is tested where it is done
        answer = world.call(world.secrets[role], method, filled(path, world.ours), {} if method != "GET" else None)
        assert (answer.status_code == 403) == lacks, (method, path, answer.text)
        assert answer.status_code != 401
        refused += lacks
    assert world.rows() == before
    assert refused or role is Role.ADMIN


def test_an_administrator_is_never_shown_anything_of_another_account(world: World) -> None:
    before, shown = world.rows(), 0
    for method, path, operation in operations(world.document):
        if (method, path) in OPEN_TO_ALL or operation["x-permission"] not in ROLE_PERMISSIONS[
            Role.ACCOUNT_ADMINISTRATOR
        ]:
            continue
        if method != "GET":
            continue
        for query in ({}, {"account": world.theirs.account}, {"subject": world.theirs.parameters["serial"]}):
            answer = world.call(world.ours.administrator, method, filled(path, world.theirs), None, **query)
            seen = [mark for mark in world.theirs.marks if mark in answer.text and mark not in answer.request.url.path]
            if "{" in path:
                assert answer.status_code in (403, 404), (path, answer.text)
            elif answer.status_code == 200:
                assert not seen, (path, query, seen)
        shown += world.call(world.ours.administrator, method, filled(path, world.ours)).status_code == 200
    assert shown > 5, "their own things are shown to them"
    assert world.rows() == before


def test_even_with_every_permission_an_actor_bound_to_an_account_touches_no_other(world: World) -> None:
    """No role has so much; the scope of the queries has to hold by itself."""
    before, tried = world.rows(), 0
    theirs = {"serial": world.theirs.parameters["serial"], "unit": world.theirs.parameters["serial"]}
    for method, path, operation in operations(world.document):
        names = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        if (method, path) in OPEN_TO_ALL or not names or names & NOBODYS:
            continue
        body = body_of(world.document, operation, theirs)
        answer = world.call(world.ours.bound, method, filled(path, world.theirs), body)
        assert answer.status_code in (403, 404), (method, path, body, answer.status_code, answer.text)
        tried += 1
    assert tried > 25
    assert world.rows() == before


def test_lists_of_a_bound_actor_hold_only_its_own_account(world: World) -> None:
    for method, path, operation in operations(world.document):
        if method != "GET" or "{" in path or (method, path) in OPEN_TO_ALL:
            continue
        for query in ({}, {"account": world.theirs.account}):
            answer = world.call(world.ours.bound, method, path, None, **query)
            assert not [mark for mark in world.theirs.marks if mark in answer.text], (path, operation["x-permission"])


def test_what_is_made_in_the_name_of_another_account_is_refused(world: World) -> None:
    before = world.rows()
    for path in ("/v1/orders", "/v1/rmas", "/v1/returns"):
        operation = world.document["paths"][path]["post"]
        serial = world.theirs.parameters["serial"]
        given = {"account": world.theirs.account, "unit": serial, "serial": serial}
        answer = world.call(world.ours.bound, "POST", path, body_of(world.document, operation, given))
        assert answer.status_code in (403, 404), (path, answer.text)
    assert world.rows() == before


def kept_reads(world: World) -> list[Any]:
    with world.services.transactions.engine.connect() as connection:
        return connection.execute(select(audit_log).where(audit_log.c.action.in_(READS)).order_by(audit_log.c.id)).all()


def test_every_permission_to_read_is_one_of_account_data_or_known_not_to_be() -> None:
    reads = {permission for permission in Permission if permission.endswith((":read", ":own"))} | {
        Permission.PEOPLE_MANAGE
    }
    assert reads == {*READ_ACTIONS, *OTHER_READS, Permission.TOKEN_OWN}


def test_every_read_of_account_data_is_kept_once_with_its_account_and_no_other_read_is(world: World) -> None:
    shown = 0
    for method, path, operation in operations(world.document):
        if method != "GET" or (method, path) in OPEN_TO_ALL:
            continue
        action = READ_ACTIONS.get(operation["x-permission"])
        for secret in (world.secrets[Role.ADMIN], world.ours.bound):
            before = len(kept_reads(world))
            answer = world.call(secret, method, filled(path, world.ours), None)
            kept = kept_reads(world)[before:]
            if answer.status_code >= 300 or action is None:
                assert kept == [], (path, answer.status_code)
                continue
            assert [row.action for row in kept] == [action], path
            assert not [mark for mark in (world.ours.name, "@") if mark in f"{kept[0].subject}{kept[0].fields}"]
            if "{" in path or secret == world.ours.bound:
                assert kept[0].account_id == int(world.ours.account.partition("-")[2]), path
            shown += 1
    assert shown > 20


def test_units_asked_for_by_account_are_account_data_and_a_page_is_one_entry(world: World) -> None:
    before = len(kept_reads(world))
    admin = world.secrets[Role.ADMIN]
    assert world.call(admin, "GET", "/v1/units").status_code == 200
    assert world.call(admin, "GET", "/v1/releases", None, account="Zaphod@beeble.example").status_code == 200
    assert world.call(admin, "GET", "/v1/units", None, account=world.ours.account).json()["items"]
    kept = kept_reads(world)[before:]
    assert [(row.action, row.subject, row.fields) for row in kept] == [
        ("account:read", world.ours.account, '["/v1/units"]')
    ]
