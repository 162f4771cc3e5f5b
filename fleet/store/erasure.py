"""Erasing a person: their name and address go from every table, what stays knows them as PE-7 alone.

People choose their names: what others typed is changed in the person's own account alone, and beyond it where it is
nothing but the name. A name of one word may be any word, and is not looked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Result, Row, Select, Table, and_, delete, func, or_, select, true, update

from fleet.domain.people import Person, PersonState
from fleet.store.personal_data import ACCOUNT_DATA, FREE_TEXT, NOBODY, rows_of_person
from fleet.store.purge import name_of
from fleet.store.tables.journal import outbox
from fleet.store.tables.people import one_time_links, people, person_roles, sessions, sign_in_attempts, tokens
from fleet.store.tables.requests import errands
from fleet.store.unit_of_work import UnitOfWork

FETCHED_ROWS = 100
ERASED_DOMAIN = "erased.invalid"  # RFC 2606 2: nobody's, for ever


class Erasure:
    """One person, within the caller's transaction; `names` are the rows that lost something, for the proof."""

    def __init__(self, uow: UnitOfWork, person: Person) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._person = person
        self._values = (person.email, person.name) if " " in person.name else (person.email,)
        self.names: dict[Table, list[str]] = {}

    def run(self) -> None:
        """Everything but what must stay: charges, history and the log, which hold the reference."""
        for column in FREE_TEXT:
            self._replace_mentions(column)
        self._forget_answers()
        self._drop_letters()
        for table in (sessions, one_time_links, person_roles, sign_in_attempts):
            self._note(table, delete(table).where(rows_of_person(table, self._person)))
        revoked = {"name": NOBODY, "hint": "", "revoked_at": func.coalesce(tokens.c.revoked_at, self._now)}
        self._note(tokens, update(tokens).where(tokens.c.person_id == self._person.id).values(revoked))
        self._empty_person()

    def _empty_person(self) -> None:
        address = f"{self._person.reference.lower()}@{ERASED_DOMAIN}"  # no two alike
        values = {"name": NOBODY, "email": address, "password_hash": None, "state": PersonState.ERASED}
        erased = update(people).where(people.c.id == self._person.id)
        self._note(people, erased.values(**values, version=people.c.version + 1))

    def _replace_mentions(self, column: Column[Any]) -> None:
        table, keys = column.table, list(column.table.primary_key)
        theirs = and_(self._mentioned(column), self._in_reach(column))
        found: Result[Any] = self._connection.execute(select(*keys, column).where(theirs))
        for row in found.all():
            text = self._without(str(row._mapping[column]))
            if text != row._mapping[column]:
                self._note(table, update(table).where(_key_is(table, row)).values({column.name: text}))

    def _in_reach(self, column: Column[Any]) -> ColumnElement[bool]:
        """The rows that are the person's own account's; all, for people of the operator."""
        if self._person.account_id is None:
            return true()
        scope = next((held.of_account for held in ACCOUNT_DATA if held.table is column.table), None)
        whole = func.lower(column).in_([value.lower() for value in (self._person.email, self._person.name)])
        return whole if scope is None else scope(self._person.account_id)

    def _without(self, text: str) -> str:
        for value in self._values:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", self._person.reference, text, flags=re.IGNORECASE)
        return text

    def _forget_answers(self) -> None:
        """Answers kept for repetitions that show the person; a repetition then hears that its answer is lost."""
        name = json.dumps(self._person.name, ensure_ascii=False)  # in quotes: as a whole
        shown = [json.dumps(self._person.email, ensure_ascii=False)[1:-1].encode(), name.encode()]
        kept: Select[Any] = select(*errands.primary_key, errands.c.body).where(errands.c.body.is_not(None))
        rows: Result[Any] = self._connection.execute(kept).yield_per(FETCHED_ROWS)
        for row in [row for row in rows if any(value in row.body for value in shown)]:
            emptied = {"status": None, "headers": None, "body": None}
            self._note(errands, update(errands).where(_key_is(errands, row)).values(emptied))
        key = func.lower(errands.c.key)
        self._note(errands, delete(errands).where(key.contains(self._person.email.lower(), autoescape=True)))

    def _drop_letters(self) -> None:
        """Mails that carry the address themselves; all others find it when they leave, and this one never again."""
        written = f'"to": {json.dumps(self._person.email)}'
        carried = and_(outbox.c.kind == "mail", outbox.c.payload.contains(written, autoescape=True))
        closed = func.coalesce(outbox.c.failed_at, self._now)
        values = {"payload": "{}", "last_error": None, "failed_at": closed, "leased_until": None}
        self._note(outbox, update(outbox).where(carried, outbox.c.delivered_at.is_(None)).values(values))
        self._note(outbox, update(outbox).where(carried).values(payload="{}", last_error=None))
        self._replace_in_letters()

    def _replace_in_letters(self) -> None:
        """What people typed goes out in mails to others, too: a notice, a change."""
        colleague = people.c.account_id == self._person.account_id
        here = true() if self._person.account_id is None else colleague
        read_by = set(self._connection.scalars(select(people.c.id).where(here)))
        mails: Select[Any] = select(outbox.c.id, outbox.c.payload).where(outbox.c.kind == "mail")
        kept = ((row.id, row.payload) for row in self._connection.execute(mails).yield_per(FETCHED_ROWS))
        changed = [(number, new) for number, old in kept if (new := self._letter_without(old, read_by)) != old]
        for number, payload in changed:
            self._note(outbox, update(outbox).where(outbox.c.id == number).values(payload=payload))

    def _letter_without(self, payload: str, read_by: Collection[int]) -> str:
        letter = json.loads(payload)
        if letter.get("person") not in read_by:
            return payload
        return json.dumps({key: self._without(it) if isinstance(it, str) else it for key, it in letter.items()})

    def _mentioned(self, column: Column[Any]) -> ColumnElement[bool]:
        """A first sieve: SQLite knows upper and lower case of ASCII alone."""
        whole = [column.contains(value, autoescape=True) for value in self._values]
        return or_(*whole, *(func.lower(column).contains(value.lower(), autoescape=True) for value in self._values))

    def _note(self, table: Table, change: Any) -> None:
        rows: Iterable[Row[Any]] = self._connection.execute(change.returning(*table.primary_key)).all()
        self.names.setdefault(table, []).extend(name_of(table, row) for row in rows)


def _key_is(table: Table, row: Row[Any]) -> ColumnElement[bool]:
    return and_(*(column == row._mapping[column] for column in table.primary_key))
