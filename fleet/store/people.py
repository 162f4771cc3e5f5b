"""People and their roles, within an actor's scope."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Select, and_, delete, func, insert, or_, select, update

from fleet.domain.access import Role
from fleet.domain.errors import ConflictError, NotFoundError
from fleet.domain.people import Person, PersonState
from fleet.store.tables.people import people, person_roles
from fleet.store.unit_of_work import UnitOfWork

LASTING = (Role.ADMIN, Role.ACCOUNT_ADMINISTRATOR)
GONE = (PersonState.DISABLED, PersonState.ERASED)


class PeopleRepository:
    """Reads and writes `people` and `person_roles`; an Administrator sees their own account's people alone."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection
        self._actor = uow.actor
        self._now = uow.now

    def get(self, person_id: int) -> Person:
        """One person; NotFoundError outside the actor's scope."""
        row = self._connection.execute(self._scoped().where(people.c.id == person_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no person PE-{person_id}")
        return self._person(row)

    def hold(self, person_id: int) -> Person:
        """The person, locked until this transaction ends, with the colleagues of roles that must not die out."""
        account = select(people.c.account_id).where(people.c.id == person_id).scalar_subquery()
        keepers = select(person_roles.c.person_id).where(person_roles.c.role.in_(LASTING))
        colleague = and_(people.c.id.in_(keepers), people.c.account_id.is_not_distinct_from(account))
        held = select(people.c.id).where(or_(people.c.id == person_id, colleague)).order_by(people.c.id)
        self._connection.execute(held.with_for_update()).all()
        person = self.get(person_id)
        self._uow.check_seen(person.reference, person.version)
        return person

    def password_of(self, email: str) -> tuple[Person, str] | None:
        """The active person of that address and their password hash, for signing in."""
        row = self._connection.execute(select(people).where(people.c.email == email)).one_or_none()
        if row is None or row.password_hash is None or row.state != PersonState.ACTIVE:
            return None
        return self._person(row), row.password_hash

    def page(self, limit: int, after_id: int | None) -> list[Person]:
        """At most `limit` people after that id, by id."""
        query = self._scoped().where(people.c.id > (after_id or 0)).order_by(people.c.id).limit(limit)
        return [self._person(row) for row in self._connection.execute(query)]

    def of_account(self, account_id: int) -> list[Person]:
        """An account's people but those who are erased, by id."""
        mine = (people.c.account_id == account_id, people.c.state != PersonState.ERASED)
        return [
            self._person(row) for row in self._connection.execute(self._scoped().where(*mine).order_by(people.c.id))
        ]

    def administrators_of(self, account_id: int) -> list[Person]:
        """Those of an account who are not disabled; one who is invited was named on the Order Form already (ToS 4)."""
        query = self._scoped().where(people.c.account_id == account_id, people.c.state.not_in(GONE))
        found = [self._person(row) for row in self._connection.execute(query.order_by(people.c.id))]
        return [person for person in found if Role.ACCOUNT_ADMINISTRATOR in person.roles]

    def add(self, name: str, email: str, roles: frozenset[Role], account_id: int | None) -> Person:
        """A new person, invited; ConflictError if the address is somebody's already."""
        self.check_address_free(email)
        result = self._connection.execute(
            insert(people).values(
                name=name, email=email, state=PersonState.INVITED, account_id=account_id, created_at=self._now
            )
        )
        (person_id,) = result.inserted_primary_key or (0,)
        self._set_roles(person_id, roles)
        return self.get(person_id)

    def check_address_free(self, email: str) -> None:
        """ConflictError if the address is somebody's already."""
        if self._connection.scalar(select(people.c.id).where(people.c.email == email)) is not None:
            raise ConflictError(f"{email} is somebody's address already; each person has their own")

    def change(self, person: Person, **fields: Any) -> Person:
        """The person with other `fields` (`roles` among them) and the next version."""
        roles = fields.pop("roles", None)
        if roles is not None:
            self._set_roles(person.id, roles)
        self._connection.execute(
            update(people).where(people.c.id == person.id).values(version=person.version + 1, **fields)
        )
        return self.get(person.id)

    def count_others(self, person: Person, role: Role, states: Iterable[PersonState]) -> int:
        """How many other people of the same account (or of the operator) hold `role` in one of `states`."""
        same_account = (
            people.c.account_id.is_(None) if person.account_id is None else people.c.account_id == person.account_id
        )
        query = (
            select(func.count())
            .select_from(people.join(person_roles))
            .where(
                people.c.id != person.id, same_account, person_roles.c.role == role, people.c.state.in_(list(states))
            )
        )
        return self._connection.scalar(query) or 0

    def has_admin(self) -> bool:
        """Whether somebody can sign in as admin."""
        query = (
            select(people.c.id)
            .select_from(people.join(person_roles))
            .where(person_roles.c.role == Role.ADMIN, people.c.state == PersonState.ACTIVE)
            .limit(1)
        )
        return self._connection.scalar(query) is not None

    def _scoped(self) -> Select[Any]:
        query = select(people)
        if self._actor.account_id is not None:
            query = query.where(people.c.account_id == self._actor.account_id)
        return query

    def _set_roles(self, person_id: int, roles: frozenset[Role]) -> None:
        self._connection.execute(delete(person_roles).where(person_roles.c.person_id == person_id))
        if roles:
            rows = [{"person_id": person_id, "role": role.value} for role in sorted(roles)]
            self._connection.execute(insert(person_roles), rows)

    def _person(self, row: Row[Any]) -> Person:
        roles = self._connection.scalars(select(person_roles.c.role).where(person_roles.c.person_id == row.id))
        return Person(
            id=row.id,
            name=row.name,
            email=row.email,
            roles=frozenset(Role(role) for role in roles),
            state=PersonState(row.state),
            account_id=row.account_id,
            version=row.version,
            created_at=row.created_at,
        )
