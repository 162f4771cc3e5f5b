"""Units at every state: on the bench, in stock, at an account, replaced, lost, back, scrapped; one line an act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from fleet.domain import unit
from fleet.domain.access import Role
from fleet.domain.blind_return import BLIND_RETURN, BlindReturn, BlindReturnEvent
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.refurbishing import REFURBISHING, Grade, Refurbishing, RefurbishingEvent
from fleet.domain.rma import Condition, ReplacementMode, RmaKind
from fleet.domain.unit import Custody, CustodyEvent, ServiceEvent, TrustEvent, Unit
from tests.fleet.conftest import START, someone
from tests.fleet.services.equipment import AS_NEW, HOME, PARCEL, REPORT, make_csr
from tests.fleet.services.equipment_stage import LINE, WHY, Stage
from tests.fleet.services.state_space import Act, World

CODE = "7K2M9QXR4TVW"
SOLD = (CustodyEvent.SHIP, ServiceEvent.PLACE)
GONE = (CustodyEvent.LOSE, ServiceEvent.REMOVE)


def unit_world(stage: Stage) -> World:
    """A unit from the bench to an account by an order, replaced there, back, scrapped."""
    warehouse, services, actor = stage.warehouse, stage.warehouse.services, stage.warehouse.actor
    rmas = services.rmas
    account, successor, subject = warehouse.open_account(), warehouse.stock(), warehouse.allocate()
    order = services.orders.create(actor, account.id, None, [LINE], said=HOME)
    serial = subject.serial

    def own() -> int:
        """The RMA of the unit itself."""
        row = stage.row("rmas", serial=serial)
        return 0 if row is None else int(row.id)

    acts = [
        *_at_the_bench(stage, serial),
        Act("ship", lambda: services.orders.ship(actor, order.id, [serial], PARCEL), SOLD),
        Act("prove its delivery", lambda: services.shipments.deliver(actor, serial, START)),
        Act("lose it", lambda: services.shipments.lose(actor, serial, "lost", START), GONE),
        Act("come on", lambda: warehouse.register(warehouse.unit(serial)), (), (CustodyEvent.ARRIVE,)),
        Act("be ready", lambda: warehouse.ready(warehouse.unit(serial)), (), (ServiceEvent.ACTIVATE,)),
        Act("open its RMA", lambda: rmas.open(actor, serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, WHY)),
        Act("approve it", lambda: rmas.approve(actor, own())),
        Act("reserve its successor", lambda: rmas.reserve(actor, own(), successor.serial)),
        Act("send its successor", lambda: rmas.ship(actor, own(), PARCEL)),
        Act("its successor comes on", lambda: warehouse.register(successor), (), (ServiceEvent.REPLACE,)),
        *_ways_back(stage, serial, own),
    ]

    def states() -> Mapping[str, Any]:
        now, asked = warehouse.unit(serial), stage.row("rmas", serial=serial)
        progress = None if asked is None else (asked.decision, asked.replacement)
        return {"custody": now.custody, "service": now.service, "its RMA": progress}

    return World(services, {"custody": unit.CUSTODY, "service": unit.SERVICE}, states, acts)


def spare_world(stage: Stage) -> World:
    """A unit from the bench: reserved for an RMA, given free, sent for it or claimed, lost, back, scrapped."""
    warehouse, services, actor = stage.warehouse, stage.warehouse.services, stage.warehouse.actor
    rmas, account = services.rmas, warehouse.open_account()
    rma, serial = warehouse.approved(warehouse.place(account)), warehouse.allocate().serial
    order = services.orders.create(actor, account.id, None, [LINE], said=HOME)
    holder = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=account.id)
    claimed = (CustodyEvent.CLAIM, ServiceEvent.PLACE)
    acts = [
        *_at_the_bench(stage, serial),
        Act("reserve", lambda: rmas.reserve(actor, rma.id, serial), (CustodyEvent.RESERVE,)),
        Act("cancel", lambda: rmas.cancel(actor, rma.id, WHY), (), (CustodyEvent.RELEASE,)),
        Act("ship", lambda: rmas.ship(actor, rma.id, PARCEL), SOLD),
        Act("sell", lambda: services.orders.ship(actor, order.id, [serial], PARCEL), SOLD),
        Act("lose", lambda: rmas.lose(actor, rma.id, "lost"), GONE),
        Act("claim", lambda: services.claims.claim(holder, serial, CODE), claimed, noted_in="claim_failures"),
        Act("come on", lambda: warehouse.register(warehouse.unit(serial)), (), (CustodyEvent.ARRIVE,)),
        *_ways_back(stage, serial, lambda: 0),
    ]

    def states() -> Mapping[str, Any]:
        now = warehouse.unit(serial)
        sent_for = rmas.get(actor, rma.id)[0].replacement
        return {"custody": now.custody, "service": now.service, "for": sent_for, "owner": now.ownership}

    return World(services, {"custody": unit.CUSTODY, "service": unit.SERVICE}, states, acts)


def _at_the_bench(stage: Stage, serial: str) -> list[Act]:
    """What is done to a unit of ours; a second report of the same is no step."""
    services, provisioning, actor = stage.warehouse.services, stage.warehouse.provisioning, stage.warehouse.actor
    key, report = make_csr(serial), replace(REPORT, claim_code_sha256=sha256(CODE.encode()).hexdigest())
    return [
        Act("certify", lambda: provisioning.certify(actor, serial, key, 1), (CustodyEvent.CERTIFY,)),
        Act("stock", lambda: provisioning.stock(actor, serial, report), (CustodyEvent.STOCK,)),
        Act("begin an epoch", lambda: provisioning.begin_epoch(actor, serial, WHY), (CustodyEvent.REFURBISH,)),
        Act("scrap", lambda: services.units.scrap(actor, serial, WHY), (CustodyEvent.SCRAP,)),
    ]


def _ways_back(stage: Stage, serial: str, own: Callable[[], int]) -> list[Act]:
    """Under its RMA, or by its label alone; one that is held blind is in our hands already."""
    services, actor, here = stage.warehouse.services, stage.warehouse.actor, (Custody.RETURNED,)
    back, remove = (CustodyEvent.TAKE_BACK,), ServiceEvent.REMOVE
    receive = lambda: services.rmas.receive(actor, own(), serial, Condition.SOUND)  # noqa: E731
    take_in = lambda: services.blind_returns.take_in(actor, serial, Condition.SOUND, WHY)  # noqa: E731
    return [Act("receive", receive, (*back, remove), (), here), Act("take in", take_in, back, (remove,), here)]


def trust_world(stage: Stage) -> World:
    """Whether a unit is believed, at its account and in our hands."""
    warehouse, services, actor = stage.warehouse, stage.warehouse.services, stage.warehouse.actor
    subject = warehouse.place(warehouse.open_account())
    rma, serial, units = warehouse.approved(subject), subject.serial, services.units
    acts = [
        Act("quarantine", lambda: units.quarantine(actor, serial, WHY), (TrustEvent.QUARANTINE,)),
        Act("clear", lambda: units.clear(actor, serial, WHY), (TrustEvent.CLEAR,)),
        Act("revoke", lambda: units.revoke(actor, serial, WHY), (TrustEvent.REVOKE,)),
        Act("take back", lambda: services.rmas.receive(actor, rma.id, serial, Condition.SOUND)),
        Act("inspect", lambda: services.returns.inspect(actor, rma.id, AS_NEW)),
        Act("wipe", lambda: warehouse.wipe(subject)),
        Act("begin an epoch", lambda: warehouse.provisioning.begin_epoch(actor, serial, WHY), (TrustEvent.RENEW,)),
        Act("flash", lambda: warehouse.provisioning.certify(actor, serial, make_csr(serial), 2)),
    ]

    def states() -> Mapping[str, Any]:
        now, bench = warehouse.unit(serial), stage.row("refurbishings", serial=serial)
        return {"trust": now.trust, "custody": now.custody, "bench": bench and bench.state}

    return World(services, {"trust": unit.TRUST}, states, acts)


def bench_world(stage: Stage) -> World:
    """A unit that came back for a defect, on its way to the shelf or to scrap."""
    warehouse, services, actor = stage.warehouse, stage.warehouse.services, stage.warehouse.actor
    bench, provisioning = services.refurbishings, warehouse.provisioning
    subject = warehouse.place(warehouse.open_account())
    rma = warehouse.approved(subject, mode="on_receipt")
    services.rmas.receive(actor, rma.id, subject.serial, Condition.SOUND)
    serial, keys = subject.serial, [make_csr(subject.serial) for _ in range(4)]
    over = (Refurbishing.RESTOCKED,)  # what is done to a unit in stock is of no round
    worn = Inspection(InspectionCode.WORN, note="the plug is loose")

    def now() -> Unit:
        return warehouse.unit(serial)

    flash = lambda: provisioning.certify(actor, serial, keys[min(now().epoch, 3)], now().epoch)  # noqa: E731
    acts = [
        Act("inspect as new", lambda: services.returns.inspect(actor, rma.id, AS_NEW)),
        Act("inspect as worn", lambda: services.returns.inspect(actor, rma.id, worn)),
        Act("repair", lambda: bench.repair(actor, serial, WHY), (RefurbishingEvent.REPAIR,)),
        Act("wipe", lambda: warehouse.wipe(subject), (RefurbishingEvent.WIPE,)),
        Act(
            "begin an epoch",
            lambda: provisioning.begin_epoch(actor, serial, WHY),
            (RefurbishingEvent.BEGIN_EPOCH, CustodyEvent.REFURBISH),
            (),
            over,
        ),
        Act("flash", flash, (RefurbishingEvent.FLASH, CustodyEvent.CERTIFY), (), over),
        Act("pass", lambda: provisioning.stock(actor, serial, REPORT), (RefurbishingEvent.PASS,), (), over),
        Act("fail", lambda: bench.fail(actor, serial, WHY), (RefurbishingEvent.FAIL,)),
        Act("grade", lambda: bench.grade(actor, serial, Grade.B, WHY), (RefurbishingEvent.GRADE, CustodyEvent.STOCK)),
        Act("scrap", lambda: bench.scrap(actor, serial, WHY), (RefurbishingEvent.SCRAP, CustodyEvent.SCRAP)),
    ]

    def states() -> Mapping[str, Any]:
        found = stage.state(Refurbishing, "refurbishings", serial=serial)
        row = stage.row("refurbishings", serial=serial)
        return {"refurbishing": found, "custody": now().custody, "code": None if row is None else row.code}

    return World(services, {"refurbishing": REFURBISHING, "custody": unit.CUSTODY}, states, acts)


def blind_world(stage: Stage) -> World:
    """A unit that comes in without an RMA, or with one that is granted too late."""
    warehouse, services, actor = stage.warehouse, stage.warehouse.services, stage.warehouse.actor
    blind, rmas = services.blind_returns, services.rmas
    serial = warehouse.place(warehouse.open_account()).serial
    come_back = (BlindReturnEvent.COME_BACK, CustodyEvent.TAKE_BACK)
    acts = [
        Act(
            "take in",
            lambda: blind.take_in(actor, serial, Condition.SOUND, WHY),
            (CustodyEvent.TAKE_BACK,),
            (*come_back, BlindReturnEvent.MATCH),
            (Custody.RETURNED,),
        ),
        Act("match", lambda: blind.match(actor, 1, 1), (BlindReturnEvent.MATCH,)),
        Act(
            "send back",
            lambda: blind.send_back(actor, 1, PARCEL, WHY),
            (BlindReturnEvent.SEND_BACK, CustodyEvent.SEND_BACK),
        ),
        Act("deliver", lambda: blind.deliver(actor, 1, START), (BlindReturnEvent.DELIVER, CustodyEvent.ARRIVE)),
        Act(
            "come on",
            lambda: warehouse.register(warehouse.unit(serial)),
            (),
            (BlindReturnEvent.DELIVER, CustodyEvent.ARRIVE),
        ),
        Act("come back", lambda: blind.come_back(actor, 1, WHY), come_back),
        Act("open an RMA", lambda: rmas.open(actor, serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, WHY)),
        Act("approve it", lambda: rmas.approve(actor, 1)),
        Act("receive", lambda: rmas.receive(actor, 1, serial, Condition.SOUND), (), (BlindReturnEvent.MATCH,)),
    ]

    def states() -> Mapping[str, Any]:
        asked = stage.row("rmas", serial=serial)
        found = stage.state(BlindReturn, "blind_returns", id=1)
        granted = asked and (asked.decision, asked.return_state)
        return {"blind return": found, "custody": warehouse.unit(serial).custody, "rma": granted}

    return World(services, {"blind return": BLIND_RETURN, "custody": unit.CUSTODY}, states, acts)
