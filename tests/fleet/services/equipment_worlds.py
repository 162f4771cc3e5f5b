"""The worlds in which every act on equipment is tried at every state: one line an act, and what it asks of the tables.

A service that is added puts its acts here, each beside what it stands for; a table that is added has to be walked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from fleet.domain import rma
from fleet.domain.account import ACCOUNT, AccountEvent
from fleet.domain.cancellation import CANCELLATION, CancellationEvent, CancellationState
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.distributor import DISTRIBUTOR, DistributorEvent, DistributorState
from fleet.domain.lease import LEASES, LeaseEvent, LeaseState, Use
from fleet.domain.mac_address import ADDRESSES, AddressEvent, AddressState
from fleet.domain.money import ZERO
from fleet.domain.phone_number import NUMBER, NumberEvent, NumberState
from fleet.domain.rma import Condition, DecisionEvent, ReplacementEvent, ReplacementMode, ReturnEvent, RmaKind
from fleet.domain.suspension import ACCOUNT_SERVICE, AccountServiceEvent, SuspensionReason
from fleet.domain.termination import BREACH, Breach, BreachEvent, BreachState
from fleet.services.cancellations import Asked
from fleet.services.unit_imports import ImportMode
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import START
from tests.fleet.services.equipment import AS_NEW, FIRST_MAC, PARCEL, make_csr
from tests.fleet.services.equipment_stage import LATE, SOON, WHY, Stage
from tests.fleet.services.state_space import Act, World
from tests.fleet.services.unit_worlds import bench_world, blind_world, spare_world, trust_world, unit_world


def rma_world(stage: Stage) -> World:
    """The three tracks of an RMA for a defect, replaced in advance."""
    warehouse, rmas, returns = stage.warehouse, stage.warehouse.services.rmas, stage.warehouse.services.returns
    actor, subject = warehouse.actor, warehouse.place(warehouse.open_account())
    spares = [warehouse.stock() for _ in range(2)]
    rmas.open(actor, subject.serial, RmaKind.DEFECT, ReplacementMode.ADVANCE, "no dial tone")
    given_up = (ReplacementEvent.RELEASE, ReturnEvent.CLOSE)
    late = [
        Act("deny", lambda: rmas.deny(actor, 1, WHY), (DecisionEvent.DENY,), (ReturnEvent.CLOSE,)),
        Act("cancel", lambda: rmas.cancel(actor, 1, WHY), (DecisionEvent.CANCEL,), given_up),
        Act("reserve", lambda: rmas.reserve(actor, 1), (ReplacementEvent.RESERVE,)),
        Act("release", lambda: rmas.release(actor, 1, WHY), (ReplacementEvent.RELEASE,)),
        Act("ship", lambda: rmas.ship(actor, 1, PARCEL), (ReplacementEvent.SHIP,)),
        Act("deliver", lambda: rmas.deliver(actor, 1, LATE), (ReplacementEvent.DELIVER,)),
        Act("lose", lambda: rmas.lose(actor, 1, "lost"), (ReplacementEvent.LOSE,)),
        Act("the replacement comes on", lambda: warehouse.register(spares[0]), (), (ReplacementEvent.DELIVER,)),
        Act("receive", lambda: rmas.receive(actor, 1, subject.serial, Condition.DEFECTIVE), (ReturnEvent.RECEIVE,)),
        Act("hand in late", lambda: returns.hand_in(actor, 1, LATE), (ReturnEvent.HAND_IN,)),
        Act("hand in", lambda: returns.hand_in(actor, 1, SOON), (ReturnEvent.HAND_IN,)),
        Act("report a loss", lambda: returns.report_loss(actor, 1, SOON, WHY)),
        Act("hold", lambda: returns.hold(actor, 1, WHY), (ReturnEvent.HOLD,)),
        Act("inspect", lambda: returns.inspect(actor, 1, AS_NEW), (ReturnEvent.INSPECT,)),
        Act("close", lambda: returns.close(actor, 1, WHY), (ReturnEvent.CLOSE,)),
        Act("run the deadlines", stage.job("end deadlines"), (), (ReturnEvent.EXPIRE,)),
    ]
    approve = Act("approve", stage.at(START, lambda: rmas.approve(actor, 1)), (DecisionEvent.APPROVE,))

    def states() -> Mapping[str, Any]:
        found = rmas.get(actor, 1)[0]
        return {"decision": found.decision, "replacement": found.replacement, "return": found.returning}

    tables = {"decision": rma.DECISION, "replacement": rma.REPLACEMENT, "return": rma.RETURN}
    return World(warehouse.services, tables, states, [approve, *_all_at(stage, LATE, late)])


def account_world(stage: Stage) -> World:
    """An account's service: suspended, ended for a breach or by us; the account closed."""
    warehouse, services, actor = stage.warehouse, stage.warehouse.services, stage.warehouse.actor
    warehouse.place(warehouse.open_account())
    suspend, back = (AccountServiceEvent.SUSPEND,), (AccountServiceEvent.LIFT, AccountServiceEvent.REACTIVATE)
    end, suspensions, terminations = AccountServiceEvent.END, services.suspensions, services.terminations
    security, law = SuspensionReason.SECURITY, SuspensionReason.LAW
    acts = [
        Act("suspend for security", lambda: suspensions.suspend(actor, 1, security), suspend),
        Act("suspend for a law", lambda: suspensions.suspend(actor, 1, law), suspend),
        Act("lift security", lambda: suspensions.lift(actor, 1, security, ZERO, True), back),
        Act("lift the law", lambda: suspensions.lift(actor, 1, law, ZERO, True), back),
        Act("give notice", lambda: terminations.give_notice(actor, 1, Breach.OTHER, WHY)),
        Act("cure", lambda: terminations.cure(actor, 1, WHY), (BreachEvent.CURE,)),
        Act("end", lambda: terminations.end(actor, 1, WHY), (end,), (BreachEvent.OVERTAKE,)),
        Act("close", lambda: services.accounts.close(actor, 1), (AccountEvent.CLOSE,), (end,)),
    ]
    terminate = Act("terminate", lambda: terminations.terminate(actor, 1, WHY), (BreachEvent.TERMINATE, end))

    def states() -> Mapping[str, Any]:
        standing = suspensions.standing(actor, 1)
        return {
            "service": standing.state,
            "breach": stage.state(BreachState, "breach_notices", id=1),
            "account": services.accounts.get(actor, 1).state,
            "reasons": standing.reasons,
        }

    tables = {"service": ACCOUNT_SERVICE, "breach": BREACH, "account": ACCOUNT}
    return World(services, tables, states, [*_all_at(stage, START, acts), *_all_at(stage, LATE, [terminate])])


def cancellation_world(stage: Stage) -> World:
    """A cancellation: withdrawn, replaced by a second notice, overtaken, or complete on its day; the line removed."""
    warehouse, services, actor = stage.warehouse, stage.warehouse.services, stage.warehouse.actor
    serial = warehouse.place(warehouse.open_account()).serial
    asked = Asked(START, NoticeChannel.DISTRIBUTOR, "PE-1", passed_on_by="Phones & More")
    cancellations, end = services.cancellations, AccountServiceEvent.END
    acts = [
        Act("request", lambda: cancellations.request(actor, 1, asked), (), (CancellationEvent.REPLACE,)),
        Act("withdraw", lambda: cancellations.withdraw(actor, 1, "PE-1"), (CancellationEvent.WITHDRAW,)),
        Act("end", lambda: services.terminations.end(actor, 1, WHY), (end,), (CancellationEvent.OVERTAKE,)),
        Act("remove the line", lambda: services.line_removals.remove(actor, serial, "PE-1")),
    ]
    due = Act("run what is due", stage.job("end services"), (), (CancellationEvent.COMPLETE, end))

    def states() -> Mapping[str, Any]:
        found = stage.state(CancellationState, "cancellations", id=1)
        ended = stage.row("term_events", kind="service_ended") is not None
        return {"cancellation": found, "service": services.suspensions.standing(actor, 1).state, "ended": ended}

    tables = {"cancellation": CANCELLATION, "service": ACCOUNT_SERVICE}
    return World(services, tables, states, [*_all_at(stage, START, acts), *_all_at(stage, LATE, [due])])


def lease_world(stage: Stage) -> World:
    """The first address of a block, given out here or at a station that took it along."""
    warehouse, services, actor = stage.warehouse, stage.warehouse.services, stage.warehouse.actor
    leases, certify = services.mac_leases, warehouse.provisioning.certify
    first, day, board = int(FIRST_MAC), timedelta(days=1), "simulated"

    def serial() -> str:
        """The unit's that has the address, or the one it was leased with."""
        row = stage.row("mac_addresses", mac=first)
        return make_serial(1) if row is None else str(row.serial)

    def use() -> object:
        return leases.report(actor, 1, [Use(serial(), FIRST_MAC, b"\1" * 8, 1, START)])

    def settle() -> object:
        return leases.settle(actor, 1, 0 if stage.row("units", mac=first) is None else 1)

    def bring_in() -> object:
        text = f"serial,mac,board,hardware_revision\n{make_serial(900)},{FIRST_MAC},{board},1\n"
        return list(services.unit_imports.begin(actor, BytesIO(text.encode()), ImportMode.WHOLE))

    given_back, lost = (AddressEvent.GIVE_BACK,), (AddressEvent.WRITE_OFF,)
    acts = [
        Act("import", bring_in, (), (AddressEvent.IMPORT,)),
        Act("take", lambda: leases.take(actor, "r", "bench", board, 1, day), (), (AddressEvent.LEASE,)),
        Act("allocate", warehouse.allocate, (), (AddressEvent.ALLOCATE,)),
        Act("use", use, (), (AddressEvent.USE,)),
        Act("settle", settle, (LeaseEvent.SETTLE,), given_back),
        Act("write off", lambda: leases.write_off(actor, 1, WHY), (LeaseEvent.WRITE_OFF,), lost),
        Act("certify", lambda: certify(actor, serial(), make_csr(serial()), 1), (), (AddressEvent.CERTIFY,)),
        Act("scrap", lambda: services.units.scrap(actor, serial(), WHY), (AddressEvent.SCRAP,)),
    ]

    def states() -> Mapping[str, Any]:
        address = stage.state(AddressState, "mac_addresses", mac=first) or AddressState.FREE
        return {"lease": stage.state(LeaseState, "mac_leases", id=1), "address": address}

    return World(services, {"lease": LEASES, "address": ADDRESSES}, states, acts)


def number_world(stage: Stage) -> World:
    """The number of a line: ported out and in again, released, given once more; another takes its place."""
    warehouse, services, actor = stage.warehouse, stage.warehouse.services, stage.warehouse.actor
    serial, numbers = warehouse.place(warehouse.open_account()).serial, services.numbers
    own, brought, end = stage.row("phone_numbers", id=1).number, "+15555550977", AccountServiceEvent.END
    move = lambda event: Act(event, lambda: numbers.move(actor, 1, event, WHY), (event,))  # noqa: E731
    acts = [
        Act("assign", lambda: numbers.assign(actor, serial, own), (NumberEvent.ASSIGN,)),
        Act("port in", lambda: numbers.port_in(actor, serial, own, None), (NumberEvent.PORT_IN,)),
        Act("take effect", lambda: numbers.take_effect(actor, 1), (NumberEvent.TAKE_EFFECT,)),
        Act("port out", lambda: numbers.port_out(actor, 1, None), (NumberEvent.PORT_OUT,)),
        *(move(event) for event in (NumberEvent.FAIL_PORT, NumberEvent.RELEASE, NumberEvent.RESTOCK)),
        Act("bring another", lambda: numbers.port_in(actor, serial, brought, None)),
        Act("the other takes effect", lambda: numbers.take_effect(actor, other()), (), (NumberEvent.RELEASE,)),
        Act("end", lambda: services.terminations.end(actor, 1, WHY), (end,), (NumberEvent.RELEASE,)),
    ]

    def other() -> int:
        row = stage.row("phone_numbers", number=brought)
        return 0 if row is None else int(row.id)

    def states() -> Mapping[str, Any]:
        another = stage.state(NumberState, "phone_numbers", number=brought)
        service = services.suspensions.standing(actor, 1).state
        return {"number": stage.state(NumberState, "phone_numbers", id=1), "other": another, "service": service}

    return World(services, {"number": NUMBER, "service": ACCOUNT_SERVICE}, states, acts)


def distributor_world(stage: Stage) -> World:
    """Who sells for us, and does no longer."""
    services, actor = stage.warehouse.services, stage.warehouse.actor
    acts = [
        Act("register", lambda: services.distributors.register(actor, "Phones & More")),
        Act("end", lambda: services.distributors.end(actor, 1), (DistributorEvent.END,)),
    ]

    def states() -> Mapping[str, Any]:
        return {"distributor": stage.state(DistributorState, "distributors", id=1)}

    return World(services, {"distributor": DISTRIBUTOR}, states, acts)


WORLDS = (
    rma_world,
    unit_world,
    spare_world,
    trust_world,
    bench_world,
    blind_world,
    account_world,
    cancellation_world,
    distributor_world,
    lease_world,
    number_world,
)


def _all_at(stage: Stage, now: datetime, acts: list[Act]) -> list[Act]:
    return [Act(act.name, stage.at(now, act.do), act.events, act.may) for act in acts]
