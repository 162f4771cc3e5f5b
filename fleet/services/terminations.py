"""We end an account's service: for a breach after written notice and the whole of its last day, or without one (ER 5).

A person decides, always: the list shows what is due, and no job ends a service. What ends is locked as locks.py says.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from fleet.domain.access import Actor, Permission, roles_of
from fleet.domain.audit import AuditAction
from fleet.domain.business_days import BusinessCalendar
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT
from fleet.domain.charge import ChargeEvent
from fleet.domain.errors import ConflictError
from fleet.domain.local_dates import local_date
from fleet.domain.reason import check_why
from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService, ServiceStanding
from fleet.domain.termination import Breach, check_may_end, cure, give_notice, terminate
from fleet.domain.waiver import EndCause
from fleet.services.cancellation_mail import charged
from fleet.services.downlinks import Downlinks
from fleet.services.letters import write_to_administrators
from fleet.services.service_end import Ending, HeldAccount, end_services, hold_for_end
from fleet.services.settlement import settle
from fleet.store.accounts import AccountRepository
from fleet.store.breach_notices import BreachNoticeRepository, KeptBreachNotice
from fleet.store.cancellations import CancellationRepository
from fleet.store.policy import PolicyRepository
from fleet.store.standings import StandingRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

PAID = "Paid in full."


class Terminations:
    """Ends of service by the operator, in the actor's scope. The calendar and the zone are the operator's."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks, calendar: BusinessCalendar) -> None:
        self._transactions = transactions
        self._downlinks = downlinks
        self._calendar = calendar

    @property
    def _zone(self) -> tzinfo:
        return self._downlinks.zone

    @property
    def now(self) -> datetime:
        """By which a last day is over."""
        return self._transactions.clock()

    def page(
        self, actor: Actor, account_id: int | None, due: bool, limit: int, after: int | None
    ) -> list[KeptBreachNotice]:
        """At most `limit` notices with an id above `after`; with `due` those that wait for somebody's decision."""
        actor.require(Permission.ACCOUNT_READ)
        with self._transactions.read(actor) as uow:
            if account_id is not None:
                AccountRepository(uow).get(account_id)
            return BreachNoticeRepository(uow).page(account_id, due, limit, after)

    def get(self, actor: Actor, number: int) -> KeptBreachNotice:
        """One notice."""
        actor.require(Permission.ACCOUNT_READ)
        with self._transactions.read(actor) as uow:
            return BreachNoticeRepository(uow).get(number)

    def give_notice(self, actor: Actor, account_id: int, breach: Breach, why: str) -> KeptBreachNotice:
        """Write to the account's Administrators what it did, and until when it may put it right."""
        actor.require(Permission.SERVICE_END)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            AccountRepository(uow).hold(account_id)
            check_may_end(breach, roles_of(actor))
            _check_served(uow, account_id)
            notices = BreachNoticeRepository(uow)
            known = [kept for kept in notices.standing(account_id) if kept.notice.breach is Breach.NON_PAYMENT]
            if known and breach is Breach.NON_PAYMENT:  # the first one counts until it is cured
                last_day = known[0].notice.last_day
                raise ConflictError(f"{known[0].reference} for non-payment stands, its last day is {last_day}")
            policy = PolicyRepository(uow).book()
            kept = notices.add(
                account_id, give_notice(breach, uow.now, self._calendar, policy, self._zone), why.strip()
            )
            _write_notice(uow, kept)
            uow.audit(AuditAction.BREACH_NOTICE_GIVE, kept.reference, [breach], account_id)
            uow.commit()
            return kept

    def cure(self, actor: Actor, number: int, why: str) -> KeptBreachNotice:
        """The breach is put right, in full: service goes on."""
        actor.require(Permission.SERVICE_END)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            account_id = BreachNoticeRepository(uow).get(number).account_id
            AccountRepository(uow).hold(account_id)
            kept = BreachNoticeRepository(uow).get(number)
            check_may_end(kept.notice.breach, roles_of(actor))
            kept = _cure(uow, kept, why)
            uow.commit()
            return kept

    def terminate(self, actor: Actor, number: int, why: str) -> KeptBreachNotice:
        """End all service of the account for the breach; ConflictError before the last day is over."""
        actor.require(Permission.SERVICE_END)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            notices = BreachNoticeRepository(uow)
            account_id = notices.get(number).account_id
            held = hold_for_end(uow, account_id, WHOLE_ACCOUNT)
            kept = notices.get(number)
            check_may_end(kept.notice.breach, roles_of(actor))
            _check_served(uow, account_id)
            kept = notices.settle(kept, terminate(kept.notice, uow.now), why)
            ending = Ending(account_id, WHOLE_ACCOUNT, uow.now, EndCause.BREACH)
            charges = self._end(uow, ending, held)
            uow.audit(AuditAction.BREACH_NOTICE_TERMINATE, kept.reference, ["state"], account_id)
            self._write_end(uow, account_id, f"for the breach of which {kept.reference} told you", charges)
            uow.commit()
            return kept

    def end(self, actor: Actor, account_id: int, why: str) -> ServiceStanding:
        """End all service of the account without a breach by it: no fee is due (ER 3.4)."""
        actor.require(Permission.SERVICE_END)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            held = hold_for_end(uow, account_id, WHOLE_ACCOUNT)
            check_may_end(None, roles_of(actor))
            _check_served(uow, account_id)
            ending = Ending(account_id, WHOLE_ACCOUNT, uow.now, EndCause.OPERATOR)
            charges = self._end(uow, ending, held)
            AccountRepository(uow).note(account_id, AuditAction.SERVICE_END, why)
            uow.audit(AuditAction.SERVICE_END, refer(Noun.ACCOUNT, account_id), ["service"], account_id)
            self._write_end(uow, account_id, "by us, without a breach of yours", charges)
            uow.commit()
            return StandingRepository(uow).of(account_id)

    def _end(self, uow: UnitOfWork, ending: Ending, held: HeldAccount) -> list[ChargeEvent]:
        settle(uow, ending.account_id, self._zone)  # values that are due go before fees (ER 3.5)
        return end_services(uow, ending, held, self._downlinks)

    def _write_end(self, uow: UnitOfWork, account_id: int, how: str, charges: list[ChargeEvent]) -> None:
        account, today = refer(Noun.ACCOUNT, account_id), local_date(uow.now, self._zone)
        lines = [f"the service of {account} ended on {today}, {how}.", "", *charged(charges)]
        write_to_administrators(uow, account_id, f"service_end:{account}", f"The service of {account} has ended", lines)


def cure_unpaid(uow: UnitOfWork, account_id: int) -> None:
    """Who has paid in full is not unpaid: the notice of non-payment is cured. The account is held."""
    for kept in BreachNoticeRepository(uow).standing(account_id):
        if kept.notice.breach is Breach.NON_PAYMENT:
            _cure(uow, kept, PAID)


def _cure(uow: UnitOfWork, kept: KeptBreachNotice, why: str) -> KeptBreachNotice:
    kept = BreachNoticeRepository(uow).settle(kept, cure(kept.notice, uow.now), why)
    uow.audit(AuditAction.BREACH_NOTICE_CURE, kept.reference, ["state"], kept.account_id)
    return kept


def _check_served(uow: UnitOfWork, account_id: int) -> None:
    """ConflictError once service has ended, and while a cancellation's day has come and no job has run yet.

    What the account ended before us, all or part of it, ended by its own notice and on its own day.
    """
    account = refer(Noun.ACCOUNT, account_id)
    if StandingRepository(uow).held(account_id).state is AccountService.ENDED:
        raise ConflictError(f"the service of {account} has ended already")
    for kept in CancellationRepository(uow).pending(account_id):
        effect = kept.cancellation.effect
        if effect.at <= uow.now:
            name = refer(Noun.CANCELLATION, kept.cancellation.id)
            raise ConflictError(f"service of {account} ended on {effect.on} by {name}, which is carried out soon")


def _write_notice(uow: UnitOfWork, kept: KeptBreachNotice) -> None:
    account, last_day = refer(Noun.ACCOUNT, kept.account_id), kept.notice.last_day
    what = "an invoice is unpaid" if kept.notice.breach is Breach.NON_PAYMENT else "the terms of service are breached"
    lines = [
        f"this is the written notice {kept.reference} to {account}: {what}.",
        kept.why,
        "",
        f"Please put it right by {last_day}, the whole day included; after it we may end your service.",
        str(kept.notice.reason),
    ]
    subject = f"{kept.reference}: please put this right by {last_day}"
    if not write_to_administrators(uow, kept.account_id, f"breach_notice:{kept.reference}", subject, lines):
        raise ConflictError(f"{account} has no Administrator to write to; appoint one first: notice is in writing")
