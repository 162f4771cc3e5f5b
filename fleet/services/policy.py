"""What amounts and periods are in force, and setting them anew from a later date on (equipment rules, section 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.local_dates import local_date
from fleet.domain.policy import PolicyName, PolicyValue, check_new_value
from fleet.store.policy import PolicyRepository
from fleet.store.unit_of_work import Transactions


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """What one name stands at: the value in force, and those that take over later, the next one first."""

    in_force: PolicyValue
    coming: Sequence[PolicyValue]


class Policy:
    """The operator's policy values. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def on(self, actor: Actor, day: date | None = None) -> tuple[date, list[PolicyLine], int]:
        """Every value in force on `day` (None: today at the operator's), that day, and how many were ever set."""
        actor.require(Permission.POLICY_READ)
        with self._transactions.read(actor) as uow:
            day = day or local_date(uow.now, self._zone)
            book = PolicyRepository(uow).book()
        lines = []
        for name in PolicyName:
            coming = [each for each in book.values if each.name is name and each.effective_from > day]
            lines.append(PolicyLine(book.in_force(name, day), coming))
        return day, lines, len(book.values)

    def set(self, actor: Actor, new: PolicyValue) -> PolicyValue:
        """Add a value that takes effect after today; InvalidError for one that does not, or is out of bounds."""
        actor.require(Permission.POLICY_MANAGE)
        with self._transactions.begin(actor) as uow:
            repository = PolicyRepository(uow)
            check_new_value(repository.hold(), new, local_date(uow.now, self._zone))
            repository.add(new)
            uow.audit(AuditAction.POLICY_SET, f"{new.name}:{new.effective_from}", ["value"])
            uow.commit()
            return new
