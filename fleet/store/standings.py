"""Whether an account has its service, and why not: the account is held by who changes it."""

from __future__ import annotations

import json
from dataclasses import replace

from sqlalchemy import select, update

from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService, ServiceStanding, SuspensionReason
from fleet.store.scope import in_scope
from fleet.store.tables.commerce import accounts
from fleet.store.tables.endings import account_services
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert


class StandingRepository:
    """An Administrator sees that of their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection
        self._scope = in_scope(uow.actor, account_services.c.account_id)

    def of(self, account_id: int) -> ServiceStanding:
        """The account's; one that was never suspended nor ended has its service."""
        table = account_services
        row = self._connection.execute(select(table).where(table.c.account_id == account_id, self._scope)).one_or_none()
        if row is None:
            return ServiceStanding()
        reasons = frozenset(SuspensionReason(reason) for reason in json.loads(row.reasons))
        return ServiceStanding(AccountService(row.state), reasons, row.episode, row.version)

    def held(self, account_id: int) -> ServiceStanding:
        """The same of an account that is held, to be changed."""
        standing = self.of(account_id)
        self._uow.check_seen(refer(Noun.ACCOUNT, account_id), standing.version)
        return standing

    def save(self, account_id: int, standing: ServiceStanding) -> ServiceStanding:
        """Store it, one version on; whether service is available to the account (ToS 1.3) follows from it."""
        version = self.of(account_id).version + 1
        row = {
            "account_id": account_id,
            "state": standing.state,
            "reasons": json.dumps(sorted(standing.reasons)),
            "episode": standing.episode,
            "version": version,
        }
        upsert(self._connection, account_services, [row])
        available = standing.state is AccountService.AVAILABLE
        self._connection.execute(
            update(accounts).where(accounts.c.id == account_id).values(service_available=available)
        )
        return replace(standing, version=version)
