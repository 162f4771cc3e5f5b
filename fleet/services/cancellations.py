"""A cancellation is noted, withdrawn, replaced by a later one, and takes effect on its day (equipment rules 5).

Units are locked first, then RMAs, then the account, and cancellations are read after that: whatever changes one holds
its account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.business_days import BusinessCalendar
from fleet.domain.cancellation import Cancellation, complete, taken_over, withdraw
from fleet.domain.cancellation_effect import effect_of
from fleet.domain.cancellation_notice import Notice, NoticeChannel, check_notice
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.placement import Placement
from fleet.domain.proof_of_identity import ProofMethod, Verification
from fleet.domain.quote import quote
from fleet.domain.references import Noun, refer
from fleet.domain.suspension import AccountService
from fleet.services.annual_plans import PlanEnd, billing_cycle, plans_ended, settle_plans
from fleet.services.cancellation_mail import send_confirmation
from fleet.services.downlinks import Downlinks
from fleet.services.lines import placements_ended, scope_of, stays_ended
from fleet.services.service_end import Ending, end_services, hold_for_end
from fleet.services.settlement import Books
from fleet.services.trials import redate
from fleet.store.accounts import AccountRepository
from fleet.store.cancellations import CancellationRepository, KeptCancellation
from fleet.store.distributors import DistributorRepository
from fleet.store.people import PeopleRepository
from fleet.store.placements import PlacementRepository
from fleet.store.rmas import RmaRepository
from fleet.store.standings import StandingRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

MAX_NOTICE_AGE_DAYS = 30
MAX_DISTRIBUTOR_CHARACTERS = 120
BATCH = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: `at`, the instant the call began, or of our receipt. `units` None: all services.

    `passed_on_by`: the Authorized Distributor, by reference or name.
    """

    at: datetime
    channel: NoticeChannel
    administrator: str
    asked_for: date | None = None
    units: Sequence[str] | None = None
    proof: ProofMethod | None = None
    passed_on_by: str = ""


class Cancellations:
    """Cancellations in the actor's scope. The calendar and the zone (of `downlinks`) are the operator's."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks, calendar: BusinessCalendar) -> None:
        self._transactions = transactions
        self._downlinks = downlinks
        self._calendar = calendar

    @property
    def _zone(self) -> tzinfo:
        return self._downlinks.zone

    def page(self, actor: Actor, account_id: int, limit: int, after: int | None) -> list[KeptCancellation]:
        """At most `limit` of an account with an id above `after`."""
        actor.require(Permission.CANCELLATION_READ)
        with self._transactions.read(actor) as uow:
            AccountRepository(uow).get(account_id)
            return CancellationRepository(uow).page(account_id, limit, after)

    def get(self, actor: Actor, cancellation_id: int) -> KeptCancellation:
        """One cancellation."""
        actor.require(Permission.CANCELLATION_READ)
        with self._transactions.read(actor) as uow:
            return CancellationRepository(uow).get(cancellation_id)

    def request(self, actor: Actor, account_id: int, asked: Asked) -> KeptCancellation:
        """Note a cancellation; it replaces those that wait. NoticeRefusedError if it does not count."""
        actor.require(Permission.CANCELLATION_MANAGE)
        with self._transactions.begin(actor) as uow:
            RmaRepository(uow).hold_trials(account_id)
            books = Books.hold(uow, account_id, self._zone)
            if StandingRepository(uow).of(account_id).state is AccountService.ENDED:
                raise ConflictError(f"the service of {refer(Noun.ACCOUNT, account_id)} has ended already")
            placements = PlacementRepository(uow).of_account(account_id)
            scope = scope_of(asked.units, placements)
            _check_served(uow, scope, placements)
            notice = Notice(
                at=checked_instant(asked.at, uow.now),
                channel=asked.channel,
                administrator=asked.administrator,
                asked_for=asked.asked_for,
                scope=scope,
                verification=None if asked.proof is None else Verification(asked.proof, actor.reference),
                passed_on_by=_passed_on_by(uow, asked),
            )
            check_notice(notice, _administrators(uow, account_id), books.policy, self._zone)
            cycle = billing_cycle(uow, account_id, placements, self._zone)
            effect = effect_of(notice, cycle, self._calendar, books.policy, self._zone)
            replaced = _replace_earlier(uow, account_id, notice)
            terms = books.terms()
            lines = quote([terms[p.id] for p in placements_ended(notice.scope, placements)], effect.on)
            new = KeptCancellation(account_id, Cancellation(0, notice, effect, notice.scope), tuple(lines))
            kept = CancellationRepository(uow).add(new)
            redate(uow, account_id, self._zone)
            plans = plans_ended(uow, account_id, kept.cancellation, placements, self._zone)
            _tell(uow, kept, AuditAction.CANCELLATION_REQUEST, plans, replaced)
            uow.commit()
            return kept

    def withdraw(self, actor: Actor, cancellation_id: int, administrator: str) -> KeptCancellation:
        """The Administrator takes it back, before it takes effect."""
        actor.require(Permission.CANCELLATION_MANAGE)
        with self._transactions.begin(actor) as uow:
            RmaRepository(uow).hold_trials(CancellationRepository(uow).get(cancellation_id).account_id)
            kept = hold_cancellation(uow, cancellation_id)
            if administrator not in _administrators(uow, kept.account_id):
                raise InvalidError(f"only an Administrator of the account withdraws; {administrator} is none")
            kept = replace(kept, cancellation=withdraw(kept.cancellation, uow.now))
            kept = CancellationRepository(uow).save(kept)
            redate(uow, kept.account_id, self._zone)
            _tell(uow, kept, AuditAction.CANCELLATION_WITHDRAW)
            uow.commit()
            return kept

    def take_effect(self, actor: Actor) -> int:
        """Complete every cancellation whose day has come, in the order of their days; how many there were."""
        tried: list[int] = []
        count = 0
        while True:
            with self._transactions.read(actor) as uow:
                due = CancellationRepository(uow).due(BATCH, tried)
            if not due:
                return count
            for kept in due:
                count += self._complete(actor, kept.cancellation.id)
                tried.append(kept.cancellation.id)

    def _complete(self, actor: Actor, cancellation_id: int) -> bool:
        with self._transactions.begin(actor) as uow:
            kept = CancellationRepository(uow).get(cancellation_id)
            try:
                held = hold_for_end(uow, kept.account_id, kept.cancellation.scope)
                kept = CancellationRepository(uow).get(cancellation_id)
                kept = replace(kept, cancellation=complete(kept.cancellation, uow.now))
            except ConflictError:  # settled meanwhile, or a unit came or went: the next run sees it
                return False
            effect, scope = kept.cancellation.effect, kept.cancellation.scope
            ending = Ending(kept.account_id, scope, effect.at, kept.cause, cancellation_id)
            charges = end_services(uow, ending, held, self._downlinks)
            plans = settle_plans(uow, kept, held.placements, self._zone)
            CancellationRepository(uow).save(kept)
            uow.audit(
                AuditAction.CANCELLATION_COMPLETE,
                refer(Noun.CANCELLATION, cancellation_id),
                ["state"],
                kept.account_id,
            )
            send_confirmation(uow, kept, charges, [plan.line for plan in plans])
            uow.commit()
            return True


def _check_served(uow: UnitOfWork, scope: Scope, placements: Sequence[Placement]) -> None:
    """ConflictError for a unit whose service has ended already; of all services some may have."""
    facts = TermEventRepository(uow)
    ended = sorted({stay.opened.serial for stay in stays_ended(scope, placements) if facts.has_ended(stay.id)})
    if ended and scope != WHOLE_ACCOUNT:
        raise ConflictError(f"the service of {', '.join(ended)} has ended already")


def hold_cancellation(uow: UnitOfWork, cancellation_id: int) -> KeptCancellation:
    """The cancellation, whose account is held: nobody else changes it until the transaction ends."""
    repository = CancellationRepository(uow)
    AccountRepository(uow).hold(repository.get(cancellation_id).account_id)
    kept = repository.get(cancellation_id)
    uow.check_seen(refer(Noun.CANCELLATION, cancellation_id), kept.version)
    return kept


def _replace_earlier(uow: UnitOfWork, account_id: int, notice: Notice) -> list[str]:
    """The names of those that `notice` replaces."""
    repository, names = CancellationRepository(uow), []
    waiting = {kept.cancellation.id: kept for kept in repository.pending(account_id)}
    for changed in taken_over([kept.cancellation for kept in waiting.values()], notice):
        repository.save(replace(waiting[changed.id], cancellation=changed))
        names.append(refer(Noun.CANCELLATION, changed.id))
        uow.audit(AuditAction.CANCELLATION_REPLACE, names[-1], ["state"], account_id)
    return names


def _tell(
    uow: UnitOfWork,
    kept: KeptCancellation,
    action: AuditAction,
    plans: Sequence[PlanEnd] = (),
    replaced: Sequence[str] = (),
) -> None:
    uow.audit(action, refer(Noun.CANCELLATION, kept.cancellation.id), ["state"], kept.account_id)
    send_confirmation(uow, kept, plans=[plan.line for plan in plans], replaced=replaced)


def _passed_on_by(uow: UnitOfWork, asked: Asked) -> str:
    """The reference of the distributor, who must be authorized; none for a call."""
    named = asked.passed_on_by.strip()
    if not named:
        return ""
    distributor = DistributorRepository(uow).called(named)
    distributor.check_authorized()
    return distributor.reference


def _administrators(uow: UnitOfWork, account_id: int) -> frozenset[str]:
    return frozenset(person.reference for person in PeopleRepository(uow).administrators_of(account_id))


def checked_instant(at: datetime, now: datetime) -> datetime:
    """When an account told us something, in UTC; InvalidError for a day to come or long ago."""
    if not now - timedelta(days=MAX_NOTICE_AGE_DAYS) <= at <= now:
        raise InvalidError(f"a notice is noted within {MAX_NOTICE_AGE_DAYS} days after it came, got {at.isoformat()}")
    return at.astimezone(UTC)
