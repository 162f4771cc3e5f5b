"""An Administrator takes a unit that is nobody's into their account, by the code on its label.

A failure is stored before it is told, counts against the account and the unit, and never says what was wrong.
"""

from __future__ import annotations

from datetime import timedelta, tzinfo
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.claim import CLAIM_WINDOW_S, check_may_try, claimed, normal_code
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.local_dates import local_date
from fleet.domain.money import ZERO
from fleet.domain.order import Agreement, OrderLine
from fleet.domain.ownership import Ownership
from fleet.domain.placement import NewPlacement
from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService
from fleet.domain.unit import Unit
from fleet.services.downlinks import queue_eviction
from fleet.services.shipping import Parcel, place_unit
from fleet.store.accounts import AccountRepository
from fleet.store.claim_failures import ClaimFailureRepository
from fleet.store.orders import OrderRepository
from fleet.store.standings import StandingRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository
from protocol.wire.errors import WireError
from protocol.wire.serial_number import check_serial

BY_HAND: Final = Parcel("none", "")
_NO_HASH: Final = "0" * 64  # is compared where there is none, so that an answer takes as long


class Claims:
    """Units of nobody, and the accounts that hold them. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def claim(self, actor: Actor, serial: str, code: str) -> Unit:
        """The unit, now Customer Equipment at the actor's account; ConflictError says the same for every failure."""
        actor.require(Permission.UNIT_CLAIM)
        account_id = actor.account_id
        if account_id is None:
            raise InvalidError("an Administrator claims a unit for their account; this actor acts for none")
        try:
            check_serial(serial)
        except WireError as error:
            raise InvalidError(str(error)) from None
        with self._transactions.begin(actor) as uow:
            unit = UnitRepository(uow).hold_unplaced(serial)
            self._check_account(uow, account_id)
            failures, since = ClaimFailureRepository(uow), uow.now - timedelta(seconds=CLAIM_WINDOW_S)
            check_may_try(failures.of_account(account_id, since), uow.now)
            check_may_try(failures.of_serial(serial, since), uow.now)
            try:
                unit = claimed(unit, _is_right(uow, unit, code))
            except ConflictError:
                failures.add(account_id, serial, since)
                uow.connection.commit()  # not uow.commit(): what was asked for was not carried out
                raise
            unit = self._place(uow, unit, account_id)
            uow.commit()
            return unit

    def _check_account(self, uow: UnitOfWork, account_id: int) -> None:
        AccountRepository(uow).hold(account_id).check_open()
        if StandingRepository(uow).of(account_id).state is AccountService.ENDED:
            raise ConflictError(f"the service of {refer(Noun.ACCOUNT, account_id)} has ended: it takes no unit in")

    def _place(self, uow: UnitOfWork, unit: Unit, account_id: int) -> Unit:
        orders, today = OrderRepository(uow), local_date(uow.now, self._zone)
        line = OrderLine(unit.board, 1, ZERO, ownership=Ownership.CUSTOMER, brought=True)
        order = orders.add(account_id, today, [line], Agreement())
        orders.count_shipped(order.id, 0)
        opened = NewPlacement(
            serial=unit.serial,
            account_id=account_id,
            order_id=order.id,
            order_date=today,
            free=line.is_free,
            ownership=line.ownership,
            shipped_at=uow.now,
        )
        place_unit(uow, unit, opened, BY_HAND)
        unit = UnitRepository(uow).get(unit.serial)
        queue_eviction(uow, unit, "claimed")  # one that is on already registers again, from its account
        uow.audit(AuditAction.UNIT_CLAIM, unit.serial, ["custody", "service", "account", "ownership"], account_id)
        return unit


def _is_right(uow: UnitOfWork, unit: Unit | None, code: str) -> bool:
    kept = "" if unit is None else UnitRepository(uow).claim_code_sha256(unit)
    return compare_digest(kept or _NO_HASH, sha256(normal_code(code).encode()).hexdigest()) and bool(kept)
