"""An account in the middle of everything: units replaced both ways, returns overdue, a cancellation whose day has come.

Built once for each kind of database and copied: a file on SQLite, a template on PostgreSQL. The service it is reached
by is built once as well; each process points its own at its copy.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from sqlalchemy import URL, Engine, create_engine, event, make_url
from starlette.testclient import TestClient

from fleet.api.app import create_app
from fleet.domain.access import Actor, ActorKind, Role, permissions_of
from fleet.domain.account import Account
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.money import ZERO, Money
from fleet.domain.order import OrderLine
from fleet.domain.ownership import Ownership
from fleet.domain.rma import ReplacementMode, RmaKind
from fleet.pki.renewal import Credentials
from fleet.services.build import Services, build_services
from fleet.services.cancellations import Asked
from fleet.settings import Settings
from fleet.store.base import make_engine
from fleet.store.migrate import migrate
from protocol.wire.serial_number import make_serial
from tests.fleet.services.equipment import HOME, PARCEL, Warehouse
from tests.fleet.store import postgresql_cluster
from tests.fleet.store.voice_faults import PROFILE

START: Final = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MEET: Final = START + timedelta(days=12)  # the returns are overdue, the day of the cancellation has come
OPERATORS: Final = 2
BOARD: Final = "simulated"
ADMINISTRATOR: Final = "PE-1"

# Of the two swapped pairs one replacement has the lower serial number, the other the higher: locks go by number.
SERIALS: Final = tuple(make_serial(number) for number in range(1, 11))
LOW, FIRST, LEASED, BOUGHT, FREE, HIGH, SPARE, SECOND_SPARE, THIRD_SPARE, ELSEWHERE = SERIALS
SHIPPED_IN_PART: Final = "OR-1"  # two of its three units are on their way


@dataclass(slots=True)
class Door:
    """The service of one process, which may be pointed at any database.

    One engine a kind of database serves them all, so that what it has compiled is compiled once.
    """

    services: Services
    app: FastAPI
    now: datetime = START
    engines: dict[str, Engine] = field(default_factory=dict)
    url: URL = field(default_factory=lambda: make_url("sqlite://"))

    def open(self, url: str, now: datetime) -> Engine:
        """The engine, now of that database and the service's, at an hour that stands still; dispose of it."""
        self.now, self.url = now, make_url(url)
        kind = self.url.get_backend_name()
        if kind not in self.engines:
            self.engines[kind] = make_engine(url)
            event.listen(self.engines[kind], "do_connect", self._choose)
        self.services.transactions.engine = self.engines[kind]
        return self.engines[kind]

    def _choose(self, _dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> None:
        if arguments:
            arguments[0] = self.url.database
        else:
            named["dbname"] = self.url.database


@dataclass(frozen=True, slots=True)
class World:
    """Where a copy of it lies, and what its operators come in by."""

    url: str
    tokens: tuple[str, ...]


@cache
def door() -> Door:
    """The one of this process and of those forked from it."""
    folder = Path(tempfile.mkdtemp(prefix="plugtone-door-"))
    authorities = folder / "pki"
    authorities.mkdir()
    Credentials(authorities, authorities, ("localhost",), ()).create_authorities(START)
    services = build_services(Settings(data_dir=folder))
    made = Door(services, create_app(services))
    services.transactions.clock = lambda: made.now
    return made


@cache
def _template(url: str) -> World:
    """The world in the empty database of `url`."""
    migrate(url)
    engine = door().open(url, START)
    tokens = tuple(
        door().services.access.issue_host_token(f"operator {n}", Role.ADMIN).secret for n in range(OPERATORS)
    )
    _build(door())
    TestClient(door().app).post("/v1/rmas/RMA-9/approve", headers=bearer(tokens[0]), json={})  # the first one is slow
    engine.dispose()
    return World(url, tokens)


def bearer(token: str) -> dict[str, str]:
    """The headers of whoever carries it."""
    return {"Authorization": f"Bearer {token}"}


def sqlite_world(folder: Path) -> World:
    """A copy in `folder`."""
    path = Path(_sqlite_template()) / "fleet.db"
    template = _template(f"sqlite:///{path}")
    for each in path.parent.glob("fleet.db*"):
        shutil.copy(each, folder)
    return World(f"sqlite:///{folder / path.name}", template.tokens)


@cache
def _sqlite_template() -> str:
    return tempfile.mkdtemp(prefix="plugtone-world-")


def postgresql_world(cluster: str, name: str) -> World:
    """A copy in a new database of that cluster."""
    template = _template(_postgresql_template(cluster))
    return World(postgresql_cluster.create_database(cluster, name, template="world"), template.tokens)


@cache
def _postgresql_template(cluster: str) -> str:
    return postgresql_cluster.create_database(cluster, "world")


def drop(cluster: str, name: str) -> None:
    """Throw a copy away."""
    engine = create_engine(cluster.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    engine.dispose()


def _build(door: Door) -> None:
    services = door.services
    warehouse = Warehouse(services, Actor(ActorKind.PERSON, "PE-900", permissions_of(frozenset({Role.ADMIN}))))
    warehouse.load_block()
    services.voice.set_profile(warehouse.actor, PROFILE)
    units = {serial: warehouse.stock() for serial in SERIALS}
    account, other = warehouse.open_account(), warehouse.open_account("Egret Legal")
    _order(warehouse, account, [FIRST, FREE], quantity=3)
    _order(warehouse, account, [LEASED], ownership=Ownership.LEASED)
    _order(warehouse, account, [BOUGHT], price=Money(4495), ownership=Ownership.CUSTOMER)
    _order(warehouse, other, [ELSEWHERE])
    for serial in (FIRST, LEASED, BOUGHT, FREE):
        warehouse.register(units[serial])
        warehouse.ready(units[serial])
    for serial, replacement in ((FIRST, HIGH), (LEASED, LOW)):
        rma = warehouse.approved(units[serial])
        services.rmas.reserve(warehouse.actor, rma.id, replacement)
        services.rmas.ship(warehouse.actor, rma.id, PARCEL)
    warehouse.approved(units[BOUGHT])
    services.rmas.open(warehouse.actor, FREE, RmaKind.DEFECT, ReplacementMode.ADVANCE, "crackles")
    asked = Asked(START, NoticeChannel.DISTRIBUTOR, ADMINISTRATOR, units=[FIRST, LEASED], passed_on_by="Phones & More")
    services.cancellations.request(warehouse.actor, account.id, asked)


def _order(
    warehouse: Warehouse,
    account: Account,
    serials: list[str],
    *,
    quantity: int | None = None,
    price: Money = ZERO,
    ownership: Ownership = Ownership.OPERATOR,
) -> None:
    orders, day = warehouse.services.orders, date(2026, 3, 2)
    line = OrderLine(BOARD, quantity or len(serials), price, ownership=ownership)
    order = orders.create(warehouse.actor, account.id, day, [line], said=HOME)
    orders.ship(warehouse.actor, order.id, serials, PARCEL)
