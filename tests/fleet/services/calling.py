"""Units that tell of calls through the gateway, as they do, and what becomes of that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from fleet.domain.access import Actor, Role
from fleet.domain.call_record import CallRecord
from fleet.domain.order import Plan
from fleet.domain.reasonable_use import Evidence, Outcome, Use
from fleet.domain.unit import Unit
from fleet.services.build import Services
from fleet.services.calls import CallsWanted
from fleet.services.ingest import Delivery
from fleet.services.unit_messages import Outgoing
from fleet.store.call_records import FIGURES, Call
from fleet.store.ingest import IngestStore
from fleet.store.use_reviews import UseReviewRepository
from protocol.wire.enumerations import CALL_CODECS, CALL_DIRECTIONS, CALL_ENDS
from protocol.wire.messages import layout_of, pack
from protocol.wire.topics import up_topic
from tests.fleet.conftest import someone
from tests.fleet.domain.calls import CALL
from tests.fleet.services.equipment import Warehouse, register_values

BOOT, OTHER_BOOT = 77, 87
EVERYBODY = 1000


def told(record: CallRecord, clock_s: int = 0) -> dict[str, Any]:
    """A record as the wire has it."""
    values = {name: getattr(record, name) for name, *_ in layout_of("call_record")[3] if hasattr(record, name)}
    values |= {name: getattr(record.figures, name) for name in FIGURES}
    return values | {
        "direction": CALL_DIRECTIONS.index(record.direction),
        "ended_by": CALL_ENDS.index(record.ended_by),
        "codec": CALL_CODECS.index(record.codec),
        "secured": int(record.secured),
        "emergency": int(record.emergency),
        "clock_s": clock_s,
    }


def extremes() -> list[dict[str, Any]]:
    """Records in which every field is the least and the most that the wire allows."""
    bounds = {name: (low, high) for name, _, low, high, *_ in layout_of("call_record")[3]}
    text = {"number": ("", "9" * bounds["number"][1])}
    return [{name: text.get(name, pair)[end] for name, pair in bounds.items()} for end in (0, 1)]


@dataclass
class Caller:
    """`warehouse` has the units; each start of one registers before it tells anything."""

    warehouse: Warehouse
    sequences: dict[tuple[str, int], int] = field(default_factory=dict)
    records: int = 0

    @property
    def services(self) -> Services:
        return self.warehouse.services

    @property
    def now(self) -> datetime:
        return self.services.transactions.clock()

    def come_on(self, unit: Unit, boot_id: int = BOOT) -> list[Outgoing]:
        """Another start of the unit: it registers by the gateway."""
        return self.services.ingest.handle(
            [self.delivery(unit, "register", "register", register_values(unit), boot_id)]
        )

    def delivery(self, unit: Unit, kind: str, name: str, values: dict[str, Any], boot_id: int = BOOT) -> Delivery:
        start = (unit.serial, boot_id)
        self.sequences[start] = self.sequences.get(start, 0) + 1
        return Delivery(up_topic(unit.serial, kind), pack(name, values, boot_id, self.sequences[start]), self.now)

    def record(self, unit: Unit, record: CallRecord = CALL, boot_id: int = BOOT) -> Delivery:
        """A message with a record; the unit's clock is right. Record number 1 means: the next there is."""
        if record.record_id == CALL.record_id:
            self.records += 1
            record = replace(record, record_id=self.records)
        values = told(record, clock_s=int(self.now.timestamp()))
        return self.delivery(unit, "report", "call_record", values, boot_id)

    def tell(self, unit: Unit, *records: CallRecord, boot_id: int = BOOT) -> list[Outgoing]:
        """The unit tells of those calls, in one batch; the answers."""
        return self.services.ingest.handle([self.record(unit, each, boot_id) for each in records])

    def calls(self, account_id: int = 1, **wanted: Any) -> list[Call]:
        """The account's calls, the latest first."""
        asked = CallsWanted(account_id, **wanted)
        return self.services.calls.page(self.warehouse.actor, asked, EVERYBODY, None)

    def seconds_ago(self, **ago: float) -> int:
        """The unit's clock so long ago."""
        return int((self.now - timedelta(**ago)).timestamp())

    def letters(self) -> list[str]:
        """Why messages could not be taken in."""
        with self.services.transactions.engine.connect() as connection:
            return [letter.reason for letter in IngestStore(connection).dead_letters()]


def leave_traces(warehouse: Warehouse, unit: Unit, name: str) -> None:
    """A call of the unit, and of its account a decided review and a block that was lifted, with `name` in the words."""
    caller, account_id = Caller(warehouse), unit.account_id or 0
    caller.come_on(unit, boot_id=OTHER_BOOT)
    caller.tell(unit, CALL, boot_id=OTHER_BOOT)
    blocks, actor = warehouse.services.destination_blocks, someone(Role.SUPPORT)
    blocks.unblock(actor, blocks.block(actor, account_id, "CU", f"{name} asked").id, f"{name} is back")
    with warehouse.services.transactions.begin(actor) as uow:
        number = UseReviewRepository(uow).add(
            account_id, caller.now.date(), caller.now, Plan.MONTHLY, Evidence(Use(), 0, 95, 1, 1, 0)
        )
        uow.commit()
    warehouse.services.use_reviews.decide(actor, number, Outcome.REASONABLE, f"{name} explained")


def administrator_of(account_id: int) -> Actor:
    """An Administrator of that account."""
    return someone(Role.ACCOUNT_ADMINISTRATOR, account_id=account_id)
