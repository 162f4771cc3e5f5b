"""What was found when returned units were inspected: once an RMA."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from fleet.domain.inspection import Inspection, InspectionCode
from fleet.store.tables.endings import inspections
from fleet.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class KeptInspection:
    """A finding, and when and by whom it was made."""

    inspection: Inspection
    at: datetime
    by: str


class InspectionRepository:
    """Reached through an RMA the caller has found in its scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now

    def of(self, rma_id: int) -> KeptInspection | None:
        """The finding of an RMA, if its unit was inspected."""
        row = self._connection.execute(select(inspections).where(inspections.c.rma_id == rma_id)).one_or_none()
        if row is None:
            return None
        return KeptInspection(Inspection(InspectionCode(row.code), row.photo, row.note), row.at, row.inspected_by)

    def add(self, rma_id: int, found: Inspection) -> None:
        """Keep a finding, made now by who acts."""
        values = {"code": found.code, "photo": found.photo, "note": found.note}
        made = {"rma_id": rma_id, "at": self._now, "inspected_by": self._actor.reference}
        self._connection.execute(insert(inspections).values(values | made))
