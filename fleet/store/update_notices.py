"""Which accounts were told of a rollout, so that each is told once, however long it runs."""

from __future__ import annotations

from sqlalchemy import insert, select

from fleet.store.tables.equipment import units
from fleet.store.tables.rollouts import rollout_notices
from fleet.store.unit_of_work import UnitOfWork


class UpdateNoticeRepository:
    """Asked by the gateway, which holds the rollout."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    def account_to_tell(self, rollout_id: int, serial: str) -> int | None:
        """The account that has the unit, if it was not told of the rollout; it counts as told from now on."""
        account_id = self._connection.scalar(select(units.c.account_id).where(units.c.serial == serial))
        if account_id is None:
            return None
        this = (rollout_notices.c.rollout_id == rollout_id) & (rollout_notices.c.account_id == account_id)
        if self._connection.scalar(select(rollout_notices.c.told_at).where(this)) is not None:
            return None
        row = {"rollout_id": rollout_id, "account_id": account_id, "told_at": self._now}
        self._connection.execute(insert(rollout_notices).values(row))
        return int(account_id)
