"""Whether an account has its service, and why not: the account is held by who changes it."""

from __future__ import annotations

import json

from sqlalchemy import select, update

from fleet.domain.suspension import AccountService, ServiceStanding, SuspensionReason
from fleet.store.scope import in_scope
from fleet.store.tables.commerce import accounts
from fleet.store.tables.endings import account_services
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert


class StandingRepository:
    """An Administrator sees that of their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._scope = in_scope(uow.actor, account_services.c.account_id)

    def of(self, account_id: int) -> ServiceStanding:
        """The account's; one that was never suspended nor ended has its service."""
        table = account_services
        row = self._connection.execute(select(table).where(table.c.account_id == account_id, self._scope)).one_or_none()
        if row is None:
            return ServiceStanding()
        reasons = frozenset(SuspensionReason(reason) for reason in json.loads(row.reasons))
        return ServiceStanding(AccountService(row.state), reasons, row.episode)

    def save(self, account_id: int, standing: ServiceStanding) -> None:
        """Store it; whether service is available to the account (ToS 1.3) follows from it."""
        row = {
            "account_id": account_id,
            "state": standing.state,
            "reasons": json.dumps(sorted(standing.reasons)),
            "episode": standing.episode,
        }
        upsert(self._connection, account_services, [row])
        available = standing.state is AccountService.AVAILABLE
        self._connection.execute(
            update(accounts).where(accounts.c.id == account_id).values(service_available=available)
        )
