"""A mail to a person waits without their name and address: both are looked up when it leaves (equipment rules 8).

So a corrected address takes effect at once, and an erased person's mails are not sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fleet.domain.access import system_actor
from fleet.domain.people import Person, PersonState
from fleet.store.outbox import OutboxRepository
from fleet.store.people import PeopleRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

NAME_PLACE = "{name}"

_MAIL = system_actor("outbox")


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a mail goes to, as they are called at this moment."""

    name: str
    email: str


def send_letter(uow: UnitOfWork, person: Person, key: str, subject: str, text: str, *, with_link: bool = False) -> None:
    """Queue a mail, once for each `key`; `{name}` in `text` is the person's, `{link}` a fresh one-time link."""
    payload = {"person": person.id, "subject": subject, "text": text, "link_for": person.id if with_link else None}
    uow.send("mail", key, payload)


def letter_text(lines: Iterable[str]) -> str:
    """The text of a letter that says `lines` to whoever it goes to."""
    return "\n".join([f"Hello {NAME_PLACE},", "", *lines, ""])


def write_to_administrators(uow: UnitOfWork, account_id: int, key: str, subject: str, lines: Iterable[str]) -> int:
    """Queue a mail to each Administrator of the account who has none under `key` yet; to how many."""
    text, told = letter_text(lines), 0
    for person in PeopleRepository(uow).administrators_of(account_id):
        own_key = f"{key}:{person.reference}"
        if not OutboxRepository(uow).has("mail", own_key):
            send_letter(uow, person, own_key, subject, text)
            told += 1
    return told


class AddressBook:
    """Who the addressees are."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def of(self, person_id: int) -> Addressee | None:
        """The person's name and address; None once they are erased."""
        with self._transactions.read(_MAIL) as uow:
            person = PeopleRepository(uow).get(person_id)
        return None if person.state is PersonState.ERASED else Addressee(person.name, person.email)
