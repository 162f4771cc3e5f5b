"""What frees an account of the fees of an end it asked for: a change that harms it, or force majeure (ToS 30.b, 32.c).

A waiver belongs to one cancellation, and may be claimed after its day: what was charged is credited then (ER 3.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.cancellation import CancellationState
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.local_dates import local_date
from fleet.domain.policy import PolicyBook
from fleet.domain.reason import Reason, check_why
from fleet.domain.references import Noun, refer
from fleet.domain.term import ServiceEnded
from fleet.domain.waiver import EndCause, check_effective, over_force_majeure, over_harmful_change
from fleet.services.cancellation_mail import send_waiver
from fleet.services.cancellation_quotes import requote_pending
from fleet.services.cancellations import checked_instant, hold_cancellation
from fleet.services.letters import write_to_administrators
from fleet.services.settlement import settle
from fleet.store.accounts import AccountRepository
from fleet.store.cancellations import CancellationRepository, KeptCancellation
from fleet.store.change_notices import ChangeNotice, ChangeNoticeRepository
from fleet.store.policy import PolicyRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

MAX_ACCOUNTS = 1000


@dataclass(frozen=True, slots=True)
class Claim:
    """What the account said at `at`: it ends over a change it was told of, or over force majeure `since` a day."""

    at: datetime
    change_notice: int | None = None
    since: date | None = None


class Waivers:
    """Change notices and claims in the actor's scope. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, zone: tzinfo) -> None:
        self._transactions = transactions
        self._zone = zone

    def page(self, actor: Actor, limit: int, after: int | None) -> list[ChangeNotice]:
        """At most `limit` changes with an id above `after`."""
        actor.require(Permission.ACCOUNT_READ)
        with self._transactions.read(actor) as uow:
            return ChangeNoticeRepository(uow).page(limit, after)

    def tell(
        self, actor: Actor, text: str, takes_effect_on: date, account_ids: Sequence[int] | None = None
    ) -> ChangeNotice:
        """Write of a change that harms to the Administrators of those accounts; None: of all that have service."""
        actor.require(Permission.POLICY_MANAGE)
        check_why(text)
        with self._transactions.begin(actor) as uow:
            accounts = AccountRepository(uow)
            told = accounts.with_service() if account_ids is None else sorted(set(account_ids))
            if not told or (account_ids is not None and len(told) > MAX_ACCOUNTS):
                raise InvalidError(f"a change is told to all or to 1 to {MAX_ACCOUNTS} accounts, got {len(told)}")
            for account_id in told:
                accounts.get(account_id)
            check_effective(local_date(uow.now, self._zone), takes_effect_on, PolicyRepository(uow).book())
            change = ChangeNoticeRepository(uow).add(text.strip(), takes_effect_on, told)
            for account_id in told:
                _write(uow, account_id, change)
            uow.audit(AuditAction.CHANGE_NOTICE_GIVE, change.reference, ["text", "takes_effect_on"])
            uow.commit()
            return change

    def claim(self, actor: Actor, cancellation_id: int, claim: Claim) -> KeptCancellation:
        """The cancellation ends service over what is claimed, without a fee; ConflictError if that is not so."""
        actor.require(Permission.CANCELLATION_MANAGE)
        with self._transactions.begin(actor) as uow:
            kept = hold_cancellation(uow, cancellation_id)
            name, state = refer(Noun.CANCELLATION, cancellation_id), kept.cancellation.state
            if state not in {CancellationState.REQUESTED, CancellationState.COMPLETED}:
                raise ConflictError(f"{name} is {state}: no service ends by it")
            if kept.cause is not EndCause.ACCOUNT:
                raise ConflictError(f"{name} is freed of the fees already, over {kept.cause}")
            said_on = local_date(checked_instant(claim.at, uow.now), self._zone)
            cause, reason = _judge(uow, kept.account_id, claim, said_on, self._zone)
            if cause is EndCause.ACCOUNT:
                raise ConflictError(str(reason))
            kept = CancellationRepository(uow).save(replace(kept, cause=cause))
            uow.audit(AuditAction.CANCELLATION_CLAIM_WAIVER, name, ["cause"], kept.account_id)
            send_waiver(uow, kept)
            if state is CancellationState.COMPLETED:
                _end_by(uow, kept)
                settle(uow, kept.account_id, self._zone)
            else:
                requote_pending(uow, kept.account_id, self._zone)
            kept = CancellationRepository(uow).get(cancellation_id)
            uow.commit()
            return kept


def _judge(uow: UnitOfWork, account_id: int, claim: Claim, said_on: date, zone: tzinfo) -> tuple[EndCause, Reason]:
    policy: PolicyBook = PolicyRepository(uow).book()
    match claim:
        case Claim(change_notice=int(number), since=None):
            change = ChangeNoticeRepository(uow).told_to(number, account_id)
            return over_harmful_change(local_date(change.told_at, zone), said_on, policy)
        case Claim(change_notice=None, since=date() as since) if since <= said_on:
            return over_force_majeure(since, said_on, policy)
    raise InvalidError("name the change the account was told of, or the day on which force majeure began; one of both")


def _end_by(uow: UnitOfWork, kept: KeptCancellation) -> None:
    """What the cancellation ended was ended by the cause that is known now; the fee is judged by it."""
    facts, at = TermEventRepository(uow), kept.cancellation.effect.at
    for fact in facts.of_account(kept.account_id):
        # Of an account no two cancellations end services at one instant: the later notice replaces what still waits.
        if isinstance(fact, ServiceEnded) and fact.at == at and fact.cause is EndCause.ACCOUNT:
            facts.record(kept.account_id, ServiceEnded(fact.placement, at, kept.cause))


def _write(uow: UnitOfWork, account_id: int, change: ChangeNotice) -> None:
    lines = [
        f"from {change.takes_effect_on} on this changes:",
        change.text,
        "",
        "If that harms you, you may end your service over it without a fee for the equipment: tell us in time,",
        f"and name {change.reference}.",
    ]
    subject = f"{change.reference}: a change from {change.takes_effect_on} on"
    write_to_administrators(uow, account_id, f"change_notice:{change.reference}", subject, lines)
