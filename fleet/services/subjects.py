"""A person sees all that is held of them, corrects it, and is erased; who manages people does it for them (ER 8)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import tzinfo
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final

from fleet.domain.access import Actor, Permission
from fleet.domain.account import AccountState
from fleet.domain.audit import AuditAction
from fleet.domain.errors import NotFoundError
from fleet.domain.local_dates import local_date
from fleet.domain.people import (
    PERSON_TRANSITIONS,
    LinkPurpose,
    Person,
    PersonEvent,
    PersonState,
    checked_email,
    checked_name,
)
from fleet.domain.transitions import advance
from fleet.services.access import Access
from fleet.services.people import check_stays_led, invite_again
from fleet.services.retention import erase
from fleet.store.accounts import AccountRepository
from fleet.store.credentials import CredentialRepository
from fleet.store.people import PeopleRepository
from fleet.store.subject_export import Rows, SubjectExport
from fleet.store.unit_of_work import Transactions, UnitOfWork

IN_MEMORY_BYTES: Final = 1024 * 1024
PIECE_CHARACTERS: Final = 64 * 1024


class Subjects:
    """People as those whose data this is. `zone`: the operator's."""

    def __init__(self, transactions: Transactions, access: Access, zone: tzinfo) -> None:
        self._transactions = transactions
        self._access = access
        self._zone = zone

    def get(self, actor: Actor, person_id: int) -> Person:
        """One person."""
        actor.require(Permission.PERSON_OWN)
        with self._transactions.read(actor) as uow:
            return _subject(uow, person_id, over=False)

    def export(self, actor: Actor, person_id: int) -> Iterator[str]:
        """All that is held of a person as JSON, in pieces, as it was at one instant."""
        actor.require(Permission.PERSON_OWN)
        file: IO[str] = SpooledTemporaryFile(IN_MEMORY_BYTES, "w+", encoding="utf-8")  # noqa: SIM115 - see _pieces
        with self._transactions.read(actor) as uow:
            person = _subject(uow, person_id)
            export = SubjectExport(uow, person)
            file.write(f'{{"person": "{person.reference}", "exported_at": "{uow.now.isoformat()}", "of_person": ')
            _write_tables(file, export.of_person())
            file.write(', "of_account": ')
            _write_tables(file, export.of_account())
            file.write("}\n")
        return _pieces(file)

    def correct(self, actor: Actor, person_id: int, name: str | None, email: str | None) -> Person:
        """Put name and e-mail address, which is the username, right, None as it is; ConflictError if it is taken."""
        actor.require(Permission.PERSON_OWN)
        new = {} if name is None else {"name": checked_name(name)}
        new |= {} if email is None else {"email": checked_email(email)}
        with self._transactions.begin(actor) as uow:
            person = _subject(uow, person_id, hold=True)
            advance(PERSON_TRANSITIONS, person.state, PersonEvent.CORRECT, person.reference)
            changed = {field: value for field, value in new.items() if value != getattr(person, field)}
            if "email" in changed:
                PeopleRepository(uow).check_address_free(changed["email"])
            person = PeopleRepository(uow).change(person, **changed)
            if "email" in changed:
                CredentialRepository(uow).void_links(
                    LinkPurpose.PASSWORD, person.id
                )  # who reads the old one may have it
            if "email" in changed and person.state is PersonState.INVITED:
                invite_again(uow, person)  # the link went to the wrong address
            uow.audit(AuditAction.PERSON_CORRECT, person.reference, sorted(changed), person.account_id)
            uow.commit()
        self._access.forget_actors()
        return person

    def erase(self, actor: Actor, person_id: int) -> Person:
        """Delete e-mail, name and credentials; ConflictError for the last Administrator of an account that lives."""
        actor.require(Permission.PERSON_OWN)
        with self._transactions.begin(actor) as uow:
            person = _subject(uow, person_id, hold=True)
            if not _is_of_closed(uow, person):
                check_stays_led(uow, person)
            person = erase(uow, person, local_date(uow.now, self._zone))
            uow.commit()
        self._access.forget_actors()
        return person


def _subject(uow: UnitOfWork, person_id: int, *, hold: bool = False, over: bool = True) -> Person:
    """The person, if it is the actor or somebody the actor manages; NotFoundError for anybody else.

    `over`: ForbiddenError for somebody whose rights go beyond the actor's.
    """
    people, actor = PeopleRepository(uow), uow.actor
    person = people.hold(person_id) if hold else people.get(person_id)
    if actor.reference == person.reference:
        return person
    if Permission.PEOPLE_MANAGE not in actor.permissions:
        raise NotFoundError(f"there is no person {person.reference} who is you")
    if over:
        actor.require_over(person.roles)
    return person


def _is_of_closed(uow: UnitOfWork, person: Person) -> bool:
    if person.account_id is None:
        return False
    return AccountRepository(uow).get(person.account_id).state is AccountState.CLOSED


def _write_tables(file: IO[str], tables: Iterator[tuple[str, Rows]]) -> None:
    """One object: of each table that has any its rows, one a line."""
    file.write("{")
    comma = ""
    for name, rows in tables:
        first = next(rows, None)
        if first is None:
            continue
        file.write(f"{comma}\n{json.dumps(name)}: [\n{json.dumps(first)}")
        file.writelines(f",\n{json.dumps(row)}" for row in rows)
        file.write("]")
        comma = ","
    file.write("}")


def _pieces(file: IO[Any]) -> Iterator[str]:
    with file:
        file.seek(0)
        while piece := file.read(PIECE_CHARACTERS):
            yield piece
