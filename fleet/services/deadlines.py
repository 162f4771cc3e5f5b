"""Returns that nobody handed in become overdue, and what they cost is charged, however late this runs.

Each RMA is a transaction of its own, so that a run that is cut off has done what it did, and one that comes again
finds nothing to do there.
"""

from __future__ import annotations

from datetime import tzinfo

from fleet.domain.access import Actor
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError
from fleet.domain.local_dates import local_date
from fleet.domain.references import Noun, refer
from fleet.domain.return_deadline import judge_return, pays_when_absent, reminder_on
from fleet.domain.rma import Return, ReturnEvent, Rma
from fleet.domain.rma_permits import check_may_expire
from fleet.services.letters import write_to_administrators
from fleet.services.locks import hold_rma
from fleet.services.rma_tracks import take_step
from fleet.services.settlement import return_cases, settle
from fleet.store.policy import PolicyRepository
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

BATCH_RMAS = 200


class Deadlines:
    """The deadlines of returns. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def expire(self, actor: Actor) -> int:
        """Call every return overdue that is, oldest RMA first; how many there were."""
        count, after = 0, 0
        while True:
            with self._transactions.read(actor) as uow:
                due = RmaRepository(uow).due_before(local_date(uow.now, self._zone), after, BATCH_RMAS)
            for rma_id in due:
                count += self._expire(actor, rma_id)
                after = rma_id
            if not due:
                return count

    def remind(self, actor: Actor) -> int:
        """Mail every Administrator a reminder of each return that is due soon, once; how many returns there were."""
        count, after = 0, 0
        while True:
            with self._transactions.read(actor) as uow:
                waiting = RmaRepository(uow).waiting(local_date(uow.now, self._zone), after, BATCH_RMAS)
                soon = [rma.id for rma in waiting if self._is_due_soon(uow, rma)]
            count += sum(self._remind(actor, rma_id) for rma_id in soon)
            if not waiting:
                return count
            after = waiting[-1].id

    def _is_due_soon(self, uow: UnitOfWork, rma: Rma) -> bool:
        today = local_date(uow.now, self._zone)
        if rma.returning is not Return.AWAITED or rma.due_on is None or rma.approved_at is None:
            return False
        begins_on = local_date(rma.approved_at, self._zone)
        return reminder_on(rma.due_on, begins_on, PolicyRepository(uow).book()) <= today <= rma.due_on

    def _remind(self, actor: Actor, rma_id: int) -> bool:
        with self._transactions.begin(actor) as uow:
            rma = hold_rma(uow, rma_id)  # another worker that is at it is through now, and its letters are seen
            if not self._is_due_soon(uow, rma):
                return False
            name = refer(Noun.RMA, rma.id)
            by = f"{rma.due_on}, the whole day included"
            line = f"{rma.serial} goes back under {name}: please hand it to the carrier by {by}."
            subject = f"{name}: {rma.serial} is due on {rma.due_on}"
            key = f"return_reminder:{name}:{rma.due_on}"  # another notice gives a trial return another last day
            told = write_to_administrators(uow, rma.account_id, key, subject, [line])
            uow.commit()
            return told > 0

    def _expire(self, actor: Actor, rma_id: int) -> bool:
        with self._transactions.begin(actor) as uow:
            rmas = RmaRepository(uow)
            rma = hold_rma(uow, rma_id)
            try:
                why = self._why_overdue(uow, rma)
            except ConflictError:  # a scan says that it is in time, or it has come meanwhile
                return False
            rmas.save(take_step(uow, rma, ReturnEvent.EXPIRE, why))
            uow.audit(AuditAction.RMA_EXPIRE, refer(Noun.RMA, rma.id), account_id=rma.account_id)
            settle(uow, rma.account_id, self._zone)
            uow.commit()
            return True

    def _why_overdue(self, uow: UnitOfWork, rma: Rma) -> str:
        if rma.returning is not Return.AWAITED or rma.due_on is None:
            raise ConflictError(f"{refer(Noun.RMA, rma.id)} is {rma.returning}: it is not waited for")
        today = local_date(uow.now, self._zone)
        case = next(case for case in return_cases(uow, rma.account_id, self._zone)[rma.placement] if case.rma == rma)
        if pays_when_absent(rma, case.ownership) is None:
            raise ConflictError(f"{refer(Noun.RMA, rma.id)}: nobody pays for {rma.serial} if it stays away")
        verdict = judge_return(rma.due_on, case.facts, today, PolicyRepository(uow).book())
        check_may_expire(rma, verdict, today)
        return verdict.reason.text
