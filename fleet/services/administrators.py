"""An account's Administrators appoint and remove each other; where all are gone, support appoints one on proof (ER 1).

The last one is not removed. What a recovery was proved by stands in the audit log with who accepted it; those who
lose access by it are told, since one who is not gone must hear of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fleet.domain.access import Actor, ForbiddenError, Permission, Role
from fleet.domain.audit import AuditAction
from fleet.domain.errors import InvalidError
from fleet.domain.people import PERSON_TRANSITIONS, Person, PersonEvent, PersonState
from fleet.domain.proof_of_identity import ProofMethod, Verification, check_recovery
from fleet.domain.references import Noun, refer
from fleet.domain.transitions import advance
from fleet.services.access import Access
from fleet.services.letters import send_letter
from fleet.services.people import check_may_appoint, check_stays_led, invite_person
from fleet.store.accounts import AccountRepository
from fleet.store.credentials import CredentialRepository
from fleet.store.people import PeopleRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

ADMINISTRATOR = frozenset({Role.ACCOUNT_ADMINISTRATOR})
RECOVERED_TEXT = """Hello {name},

somebody proved to us that they speak for {account}, and that you no longer do: you have no access to it any more.

If that is wrong, please tell our support at once.
"""


@dataclass(frozen=True, slots=True)
class Recovery:
    """How somebody proved to speak for an account, which Administrators are `gone`, and who is to be the new one."""

    proof: ProofMethod
    gone: Sequence[int]
    name: str
    email: str


class Administrators:
    """The Administrators of the accounts in the actor's scope."""

    def __init__(self, transactions: Transactions, access: Access) -> None:
        self._transactions = transactions
        self._access = access

    def of_account(self, actor: Actor, account_id: int) -> list[Person]:
        """The Administrators of an account, invited ones too."""
        actor.require(Permission.ACCOUNT_READ)
        with self._transactions.read(actor) as uow:
            AccountRepository(uow).get(account_id)
            return PeopleRepository(uow).administrators_of(account_id)

    def appoint(self, actor: Actor, account_id: int, name: str, email: str) -> Person:
        """An Administrator appoints another one, who is invited by mail."""
        actor.require(Permission.ADMINISTRATOR_APPOINT)
        with self._transactions.begin(actor) as uow:
            _hold_own(uow, account_id)
            person = invite_person(uow, name, email, ADMINISTRATOR, account_id)
            uow.commit()
            return person

    def remove(self, actor: Actor, account_id: int, person_id: int) -> Person:
        """An Administrator ends another one's access, or their own; ConflictError for the last one."""
        actor.require(Permission.ADMINISTRATOR_APPOINT)
        with self._transactions.begin(actor) as uow:
            _hold_own(uow, account_id)
            person = PeopleRepository(uow).hold(person_id)
            check_stays_led(uow, person)
            person = _disable(uow, person)
            uow.commit()
        self._access.forget_actors()
        return person

    def recover(self, actor: Actor, account_id: int, recovery: Recovery) -> Person:
        """The account's Administrators are gone: they lose access, and the one who proved it is invited (ToS 4).

        ConflictError if one is left, who appoints another; InvalidError for a proof that is none here.
        """
        actor.require(Permission.ACCOUNT_MANAGE)
        if actor.account_id is not None:
            raise ForbiddenError("a recovery is an act of the operator's support; an Administrator appoints another")
        with self._transactions.begin(actor) as uow:
            AccountRepository(uow).hold(account_id).check_open()
            people = PeopleRepository(uow)
            present = {person.id: people.hold(person.id) for person in people.administrators_of(account_id)}
            strangers = set(recovery.gone) - set(present)
            if strangers:
                raise InvalidError(f"PE-{min(strangers)} is no Administrator of the account; name those it has")
            gone = [present.pop(person_id) for person_id in sorted(set(recovery.gone))]
            left = sum(person.state is PersonState.ACTIVE for person in present.values())
            check_recovery(Verification(recovery.proof, actor.reference), left)
            for person in gone:
                _disable(uow, person)
            new = invite_person(uow, recovery.name, recovery.email, ADMINISTRATOR, account_id)
            for person in gone:
                _tell_gone(uow, person, new, refer(Noun.ACCOUNT, account_id))
            uow.audit(AuditAction.ADMINISTRATOR_RECOVER, new.reference, [recovery.proof], account_id)
            uow.commit()
        self._access.forget_actors()
        return new


def _tell_gone(uow: UnitOfWork, person: Person, new: Person, account: str) -> None:
    key, text = f"recovered:{new.reference}:{person.reference}", RECOVERED_TEXT.replace("{account}", account)
    send_letter(uow, person, key, f"You have no access to {account} any more", text)


def _hold_own(uow: UnitOfWork, account_id: int) -> None:
    """Lock the account its Administrator acts on; ForbiddenError for anybody from outside."""
    check_may_appoint(uow.actor, ADMINISTRATOR)
    AccountRepository(uow).hold(account_id).check_open()


def _disable(uow: UnitOfWork, person: Person) -> Person:
    state = advance(PERSON_TRANSITIONS, person.state, PersonEvent.DISABLE, person.reference)
    CredentialRepository(uow).end_sessions_of(person.id)
    uow.audit(AuditAction.PERSON_DISABLE, person.reference, ["state"], person.account_id)
    return PeopleRepository(uow).change(person, state=state, password_hash=None)
