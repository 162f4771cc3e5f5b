"""What operators, units and jobs do to the equipment, each as one call that may be repeated until it is answered.

An operator's request carries an Idempotency-Key; a unit's messages keep boot id and sequence; a job runs again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from starlette.testclient import TestClient

from fleet.domain.audit import AuditAction
from fleet.services.ingest import Delivery
from fleet.services.jobs import SCHEDULER
from protocol.wire.enumerations import LINE_STATES
from protocol.wire.messages import pack
from protocol.wire.topics import up_topic
from tests.fleet.store.equipment_world import (
    ADMINISTRATOR,
    BOARD,
    BOUGHT,
    ELSEWHERE,
    FIRST,
    FREE,
    HIGH,
    LEASED,
    LOW,
    SECOND_SPARE,
    SERIALS,
    SHIPPED_IN_PART,
    SPARE,
    THIRD_SPARE,
    Door,
    World,
    bearer,
)

DONE: Final = "done"
PARCEL: Final = {"carrier": "UPS", "tracking": "1Z999"}
WHY: Final = {"reason": "as agreed on the phone"}
JOBS: Final = ("end services", "end deadlines", "remind of deadlines")
_FIRST_BLOCK: Final = 0x8C1F64AAB000
_READY: Final = {
    "config_version": 1,
    "line_state": LINE_STATES.index("registered"),
    "configured_ms": 900,
    "tls_ms": 300,
    "clock_s": 0,
}


@dataclass(frozen=True, slots=True)
class Act:
    """One call. `action`: what the audit names it by, once for each that was carried out."""

    name: str
    run: Callable[[Caller], str]
    action: AuditAction | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: one of the operators, with the key of this call; `number` tells the calls of a race apart."""

    door: Door
    world: World
    operator: int
    number: int
    client: TestClient = field(repr=False)

    def ask(self, path: str, body: dict[str, Any], method: str = "POST") -> str:
        """`done`, or the code of the problem; a call whose answer was lost was carried out."""
        headers = {**bearer(self.world.tokens[self.operator]), "Idempotency-Key": f"call-{self.number}"}
        answer = self.client.request(method, path, json=body, headers=headers)
        code = "" if answer.is_success else str(answer.json()["code"])
        return DONE if code in ("", "answer_lost") else code


def rma_acts(rma: int) -> list[Act]:
    """Every step of the tracks of one RMA."""
    name, unit = f"RMA-{rma}", {1: FIRST, 2: LEASED, 3: BOUGHT}.get(rma, FREE)
    at = {"at": "2026-03-14T15:00:00Z"}
    steps: list[tuple[str, dict[str, Any], AuditAction]] = [
        ("approve", {}, AuditAction.RMA_APPROVE),
        ("deny", WHY, AuditAction.RMA_DENY),
        ("cancel", WHY, AuditAction.RMA_CANCEL),
        ("reserve", {}, AuditAction.RMA_RESERVE),
        ("reserve", {"serial": SPARE}, AuditAction.RMA_RESERVE),
        ("ship", PARCEL, AuditAction.RMA_SHIP),
        ("deliver", {"delivered_at": at["at"]}, AuditAction.RMA_DELIVER),
        ("lose", {"outcome": "lost"}, AuditAction.RMA_LOSE),
        ("receive", {"serial": unit, "condition": "defective"}, AuditAction.RMA_RECEIVE),
        ("hand-in", at, AuditAction.RMA_HAND_IN),
        ("report-loss", {**at, **WHY}, AuditAction.RMA_REPORT_LOSS),
        ("inspect", {"code": "liquid", "note": "wet"}, AuditAction.RMA_INSPECT),
        ("inspect", {"code": "worn", "note": "old"}, AuditAction.RMA_INSPECT),
        ("close", WHY, AuditAction.RMA_CLOSE),
    ]
    return [_request(f"{verb} {name}", f"/v1/rmas/{name}/{verb}", body, action) for verb, body, action in steps]


def unit_acts(serial: str) -> list[Act]:
    """What is done to a unit by its serial number."""
    open_rma = {"unit": serial, "kind": "defect", "mode": "advance", **WHY}
    path = f"/v1/units/{serial}"
    return [
        _request(f"open an RMA for {serial}", "/v1/rmas", open_rma, AuditAction.RMA_OPEN),
        _request(f"quarantine {serial}", f"{path}/quarantine", WHY, AuditAction.UNIT_QUARANTINE),
        _request(f"clear {serial}", f"{path}/clear", WHY, AuditAction.UNIT_CLEAR),
        _request(f"revoke {serial}", f"{path}/revoke", WHY, AuditAction.UNIT_REVOKE),
        _request(f"scrap {serial}", f"{path}/scrap", WHY, AuditAction.UNIT_SCRAP),
        configure(serial),
        registrations(serial),
    ]


def account_acts() -> list[Act]:
    """What is done to the account."""
    path = "/v1/accounts/AC-1"
    call = {"at": "2026-03-14T15:00:00Z", "channel": "phone", "proof": "security_questions"}
    notice = {**call, "administrator": ADMINISTRATOR}
    lift = {"unpaid_cents": 0, "reconnect_paid": True}
    part = {**notice, "units": [BOUGHT, FREE]}
    acts = [
        _request("cancel all", f"{path}/cancellations", notice, AuditAction.CANCELLATION_REQUEST),
        _request("cancel a part", f"{path}/cancellations", part, AuditAction.CANCELLATION_REQUEST),
        _request("charge the reconnect fee", f"{path}/reconnect-fee", {}),
    ]
    for reason in ("security", "non_payment"):
        for verb, body, action in (
            ("suspend", {}, AuditAction.SERVICE_SUSPEND),
            ("lift", lift, AuditAction.SERVICE_LIFT),
        ):
            acts.append(_request(f"{verb} for {reason}", f"{path}/{verb}", {"reason": reason, **body}, action))
    for number in range(1, 4):
        name = f"/v1/cancellations/CN-{number}/withdraw"
        body = {"administrator": ADMINISTRATOR}
        acts.append(_request(f"withdraw CN-{number}", name, body, AuditAction.CANCELLATION_WITHDRAW))
    for serial in (SPARE, SECOND_SPARE, THIRD_SPARE):
        body = {"serials": [serial], **PARCEL}
        acts.append(_request(f"ship {serial}", f"/v1/orders/{SHIPPED_IN_PART}/ship", body, AuditAction.ORDER_SHIP))
    return [*acts, *map(job, JOBS)]


def job(name: str) -> Act:
    """A run of a recurring job, without the lease that keeps two workers apart."""

    def run(caller: Caller) -> str:
        next(each for each in caller.door.services.jobs if each.name == name).work(SCHEDULER)
        return DONE

    return Act(name, run)


def registrations(*serials: str, boot_id: int = 1, ready: bool = True) -> Act:
    """One batch of the gateway's: these units come on, in this order, and are ready for service."""
    names = ("register", "service_ready") if ready else ("register",)

    def run(caller: Caller) -> str:
        messages = [
            Delivery(
                up_topic(serial, "register" if name == "register" else "report"),
                pack(name, _values(name, serial), boot_id=caller.number * 10 + boot_id, sequence=sequence),
                caller.door.now,
            )
            for sequence, name in enumerate(names, start=1)
            for serial in serials
        ]
        caller.door.services.ingest.handle(messages)
        return DONE

    return Act(f"come on: {', '.join(serials)}", run)


def configure(serial: str) -> Act:
    """A change of what the unit is told."""

    def run(caller: Caller) -> str:
        return caller.ask(f"/v1/units/{serial}/configuration", {"channel": "stable", "window": None}, "PUT")

    return Act(f"configure {serial}", run, AuditAction.UNIT_CONFIGURE)


def lasting() -> list[Act]:
    """One of each kind that the world as it is lets happen."""
    steps = ("receive", "hand-in", "report-loss", "deliver", "lose")
    names = [f"{step} RMA-1" for step in steps] + ["receive RMA-2", "reserve RMA-3", "cancel RMA-3", "close RMA-4"]
    names += ["approve RMA-4", "deny RMA-4", "cancel all", "cancel a part", "suspend for security", f"ship {SPARE}"]
    names += [*JOBS, *(f"{step} {LEASED}" for step in ("quarantine", "revoke", "configure"))]
    return [*map(named, names), registrations(HIGH, LOW, ELSEWHERE), registrations(ELSEWHERE, LOW, HIGH)]


def named(name: str) -> Act:
    """The act of that name."""
    acts = [act for rma in range(1, 5) for act in rma_acts(rma)] + account_acts()
    acts += [act for serial in SERIALS for act in unit_acts(serial)]
    return next(act for act in acts if act.name == name)


def draw(chance: Random, count: int) -> list[Act]:
    """Acts that meet: all on one RMA with its units and account, or just any."""
    rma = chance.randrange(1, 6)
    units = {1: (FIRST, HIGH), 2: (LEASED, LOW), 3: (BOUGHT, SPARE)}.get(rma, (FREE, SPARE))
    near = [*rma_acts(rma), *(act for serial in units for act in unit_acts(serial)), *account_acts()]
    near += [registrations(*chance.sample([LOW, HIGH, ELSEWHERE, FREE, SPARE], 3)) for _ in range(6)]
    far = [act for serial in SERIALS for act in unit_acts(serial)]
    first = chance.choice(near if chance.random() < 0.9 else far)
    return [first, *(first if chance.random() < 0.25 else chance.choice(near) for _ in range(count - 1))]


def _request(name: str, path: str, body: dict[str, Any], action: AuditAction | None = None) -> Act:
    return Act(name, lambda caller: caller.ask(path, body), action)


def _values(name: str, serial: str) -> dict[str, Any]:
    if name != "register":
        return _READY
    return {
        "serial": serial,
        "mac": (_FIRST_BLOCK + SERIALS.index(serial)).to_bytes(6, "big"),
        "epoch": 1,
        "board": BOARD,
        "hardware_revision": 1,
        "version": "1.0.0",
        "release_counter": 1,
        "image_sha256": bytes(32),
        "slot": 0,
        "abi": 6,
        "boot_reason": 0,
        "free_heap_bytes": 0,
        "clock_s": 0,
    }
