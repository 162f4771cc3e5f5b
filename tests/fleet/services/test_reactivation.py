"""Reactivation follows full payment, whatever the account was suspended for, and who has paid is not unpaid (ER 5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fleet.domain.access import Actor
from fleet.domain.errors import ConflictError
from fleet.domain.money import ZERO
from fleet.domain.suspension import SuspensionReason
from fleet.domain.termination import Breach
from fleet.services.build import Services
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse


def test_a_reactivation_after_another_suspension_cures_non_payment(
    services: Services, admin: Actor, clock: Clock
) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    account = warehouse.open_account()
    warehouse.place(account)
    services.suspensions.suspend(admin, account.id, SuspensionReason.NETWORK_PROTECTION)
    notice = services.terminations.give_notice(admin, account.id, Breach.NON_PAYMENT, "the March bill")
    services.suspensions.lift(admin, account.id, SuspensionReason.NETWORK_PROTECTION, ZERO, True)
    clock.now += timedelta(days=30)
    with pytest.raises(ConflictError):
        services.terminations.terminate(admin, notice.id, "still unpaid")
