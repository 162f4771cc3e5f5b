"""A person sees, corrects and erases what is held of them; after that no table nor the file knows them any more."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fleet.domain.access import Actor, Errand, ForbiddenError, Permission, Role, Seen
from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import (
    ConflictError,
    IllegalTransitionError,
    InvalidError,
    NotFoundError,
    StaleVersionError,
    UnauthenticatedError,
)
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.people import Person, PersonState
from fleet.domain.rma import ReplacementMode, RmaKind
from fleet.domain.termination import Breach
from fleet.services.access import actor_of
from fleet.services.build import Services
from fleet.services.cancellations import Asked
from fleet.services.errands import Answer, KnownErrand
from fleet.services.jobs import SCHEDULER
from fleet.store.base import metadata
from fleet.store.personal_data import ACCOUNT_DATA, SECRETS
from fleet.store.tables.journal import outbox
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.calling import leave_traces
from tests.fleet.services.equipment import Warehouse, snapshot
from tests.fleet.services.test_accounts import end_all_service

NAME, EMAIL, PASSWORD = "Zaphod Quuxington", "z.quux@beeble.example", "four words nobody guessed"
ADMINISTRATOR = frozenset({Role.ACCOUNT_ADMINISTRATOR})


def let_in(services: Services, person: Person) -> Person:
    """The person takes their invitation up."""
    link = services.people.mailed_link(person.id).partition("#")[2]
    return services.people.choose_password(link, PASSWORD)


def known_person(warehouse: Warehouse) -> Person:
    """An Administrator who left traces wherever one can; another one of the account is there too."""
    services, admin = warehouse.services, warehouse.actor
    account = warehouse.open_account("Blue Heron")
    unit, other = warehouse.place(account), warehouse.place(account)
    person = let_in(
        services, services.administrators.appoint(replace(admin, account_id=account.id), account.id, NAME, EMAIL)
    )
    actor = actor_of(person)
    services.access.create_token(actor, f"{NAME}'s laptop", actor.permissions, None)
    services.access.sign_in(EMAIL, PASSWORD, "192.0.2.7")
    with pytest.raises(UnauthenticatedError):
        services.access.sign_in(EMAIL, "wrong words they guessed", "192.0.2.7")
    services.people.password_link(admin, person.id)
    errand = Errand("invite", bytes(32), "1")
    shown = json.dumps({"name": NAME, "email": EMAIL}, ensure_ascii=False).encode()
    services.errands.keep(admin, errand, Answer(201, {"etag": '"1"'}, shown))
    services.errands.keep(admin, Errand(f"invite-{EMAIL}", bytes(32), "1"), Answer(201, {}, b"{}"))
    with services.transactions.begin(SCHEDULER) as uow:  # as mails waited before they were addressed as they leave
        uow.send("mail", "old", {"to": EMAIL, "subject": "Hello", "text": f"Hello {NAME}"})
        uow.commit()
    leave_traces(warehouse, unit, NAME)
    services.units.quarantine(admin, unit.serial, f"{NAME} called")
    services.units.clear(admin, unit.serial, f"{EMAIL.upper()} wrote")
    why = f"{NAME} says it is mute"
    rma = services.rmas.open(admin, other.serial, RmaKind.DEFECT, ReplacementMode.ON_RECEIPT, why)
    services.rmas.approve(admin, rma.id, f"told {NAME.lower()}")
    services.rmas.receive(admin, rma.id, other.serial, "defective")
    services.returns.inspect(admin, rma.id, Inspection(InspectionCode.WORN, f"photo-{NAME}", f"of {NAME}"))
    services.distributors.register(admin, NAME)
    services.terminations.give_notice(admin, account.id, Breach.OTHER, f"as we told {NAME}")
    asked = Asked(services.transactions.clock(), NoticeChannel.DISTRIBUTOR, person.reference, passed_on_by=NAME)
    services.cancellations.request(admin, account.id, asked)
    return person


def traces(services: Services, person: Person) -> set[str]:
    """The columns in which the person's name or address stands."""
    found = set()
    with services.transactions.engine.connect() as connection:
        for table in metadata.tables.values():
            for row in connection.execute(select(table)).mappings():
                for column, value in row.items():
                    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                    if any(each.lower() in text.lower() for each in (person.name, person.email)):
                        found.add(f"{table.name}.{column}")
    return found


def in_the_file(services: Services) -> bool:
    """Whether name or address stand anywhere in the database's file, deleted rows and log included."""
    (database,) = Path(services.settings.data_dir).glob("*.db")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = b"".join(path.read_bytes() for path in database.parent.glob("*.db*"))
    assert data
    return any(value.lower().encode() in data.lower() for value in (NAME, EMAIL, "Quuxington", "beeble"))


def export_of(services: Services, actor: Actor, person: Person) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("".join(services.subjects.export(actor, person.id)))
    return found


def test_an_erased_person_stands_in_no_row_and_not_in_the_file(warehouse: Warehouse) -> None:
    services = warehouse.services
    person = known_person(warehouse)
    assert traces(services, person) >= {
        "people.name", "people.email", "tokens.name", "errands.body", "errands.key", "outbox.payload", "rmas.reason",
        "rma_steps.why", "unit_notes.why", "inspections.note", "inspections.photo", "distributors.name",
    }  # fmt: skip
    assert in_the_file(services)
    before = snapshot(services)

    erased = services.subjects.erase(actor_of(person), person.id)
    assert (erased.state, erased.name, erased.roles) == (PersonState.ERASED, "erased", frozenset())
    assert traces(services, person) == set()
    assert not in_the_file(services)

    after = snapshot(services)
    for table in ("charge_events", "placements", "units", "term_events", "accounts", "mac_events"):
        assert after[table] == before[table], "history stays"
    assert {table for table in before if len(after[table]) < len(before[table])} == {
        "errands", "one_time_links", "person_roles", "sessions", "sign_in_attempts",
    }  # fmt: skip
    rma, steps = services.rmas.get(warehouse.actor, 1)
    assert (rma.reason, steps[0].why) == ("PE-2 says it is mute", "told PE-2")
    assert services.cancellations.get(warehouse.actor, 1).cancellation.notice.administrator == "PE-2"
    proofs = {kept.rows_of for kept in services.retention.proofs(warehouse.actor, None, 100, None)}
    assert proofs >= {"people", "sessions", "tokens", "rmas", "errands", "outbox"}


@pytest.mark.parametrize("word", ["unpaid", "left unpaid"])
def test_who_names_themselves_as_words_are_takes_none_from_another_account(warehouse: Warehouse, word: str) -> None:
    services, admin = warehouse.services, warehouse.actor
    theirs = warehouse.open_account("Osprey")
    services.terminations.give_notice(admin, theirs.id, Breach.OTHER, "The bill was left unpaid by Osprey.")
    answer = Answer(201, {}, b'{"why":"left unpaid by all"}')
    services.errands.keep(admin, Errand("unpaid-7", bytes(32), "1"), answer)
    person = known_person(warehouse)
    before = snapshot(services)
    actor = actor_of(services.subjects.correct(actor_of(person), person.id, word, None))
    services.subjects.erase(actor, person.id)
    assert services.terminations.get(admin, 1).why == "The bill was left unpaid by Osprey."
    after = snapshot(services)
    assert [row for row in before["outbox"] if "Osprey" in str(row)] == [
        row for row in after["outbox"] if "Osprey" in str(row)
    ]
    assert services.errands.find(admin, "unpaid-7") == KnownErrand(bytes(32), answer)


def test_who_is_erased_cannot_come_in_and_is_not_written_to(warehouse: Warehouse) -> None:
    services = warehouse.services
    person = known_person(warehouse)
    session = services.access.sign_in(EMAIL, PASSWORD, "")
    link = services.people.password_link(warehouse.actor, person.id).partition("#")[2]
    services.subjects.erase(warehouse.actor, person.id)
    attempts: list[Callable[[], object]] = [
        lambda: services.access.sign_in(EMAIL, PASSWORD, ""),
        lambda: services.access.actor_of_secret(session.secret),
        lambda: services.people.choose_password(link, PASSWORD),
        lambda: services.people.mailed_link(person.id),
    ]
    for attempt in attempts[:3]:
        with pytest.raises(UnauthenticatedError):
            attempt()
    for event in (services.people.enable, services.people.disable):
        with pytest.raises(IllegalTransitionError):
            event(warehouse.actor, person.id)
    with pytest.raises(IllegalTransitionError):
        services.people.change_roles(warehouse.actor, person.id, ADMINISTRATOR)
    with pytest.raises(IllegalTransitionError):
        services.subjects.erase(warehouse.actor, person.id)
    with services.transactions.engine.connect() as connection:
        row = connection.execute(select(outbox).where(outbox.c.key == "old")).one()
    assert (row.payload, row.failed_at) == ("{}", services.transactions.clock())
    assert services.administrators.appoint(replace(warehouse.actor, account_id=1), 1, NAME, EMAIL).id != person.id, (
        "free again"
    )


def test_the_last_administrator_stays_while_the_account_lives_and_goes_when_it_is_closed(
    warehouse: Warehouse, clock: Clock
) -> None:
    services = warehouse.services
    account = warehouse.open_account()
    warehouse.place(account)
    before = snapshot(services)
    with pytest.raises(ConflictError, match="last Administrator"):
        services.subjects.erase(warehouse.actor, 1)
    assert snapshot(services) == before
    end_all_service(warehouse, clock)
    with pytest.raises(ConflictError, match="last Administrator"):
        services.subjects.erase(warehouse.actor, 1)
    services.accounts.close(warehouse.actor, account.id)
    assert services.subjects.erase(warehouse.actor, 1).state is PersonState.ERASED


def test_the_last_admin_of_the_operator_is_not_erased(services: Services) -> None:
    link = services.people.setup_link().partition("#")[2]
    ada = services.people.setup(link, "Ada", "ada@example.net", PASSWORD)
    with pytest.raises(ConflictError, match="last admin"):
        services.subjects.erase(actor_of(ada), ada.id)


def test_a_person_gets_every_row_about_them_and_what_they_did_but_no_secret(warehouse: Warehouse) -> None:
    services = warehouse.services
    person = known_person(warehouse)
    shown = export_of(services, actor_of(person), person)
    assert shown["person"] == "PE-2"
    (row,) = shown["of_person"]["people"]
    assert (row["name"], row["email"]) == (NAME, EMAIL)
    assert set(shown["of_person"]) >= {
        "people", "person_roles", "sessions", "tokens", "one_time_links", "outbox", "sign_in_attempts", "cancellations",
        "audit_log",
    }  # fmt: skip
    assert {entry["subject"] for entry in shown["of_person"]["audit_log"]} >= {"PE-2", "TO-1"}
    assert not [mail for mail in shown["of_person"]["outbox"] if '"person": 1,' in mail["payload"]], "of nobody else"
    filled = {held.table.name for held in ACCOUNT_DATA} - {
        "account_notes",
        "blind_returns",
        "blind_return_steps",
        "clone_alarms",
        "unit_whereabouts",
    }
    assert set(shown["of_account"]) == filled
    assert NAME in shown["of_account"]["unit_notes"][0]["why"]
    names = {f"{column.table.name}.{column.name}" for column in SECRETS}
    assert not {f"{table}.{name}" for table, rows in shown["of_person"].items() for name in rows[0]} & names


def test_an_export_holds_nothing_of_another_account(warehouse: Warehouse) -> None:
    services = warehouse.services
    known_person(warehouse)
    other = warehouse.open_account("Osprey")
    warehouse.place(other)
    theirs = let_in(services, services.people.get(warehouse.actor, 3))
    shown = export_of(services, actor_of(theirs), theirs)
    text = json.dumps(shown)
    assert NAME not in text
    assert "Blue Heron" not in text
    assert set(shown["of_account"]) >= {"accounts", "placements"}


def test_who_is_no_administrator_any_more_gets_nothing_of_the_account(warehouse: Warehouse) -> None:
    services = warehouse.services
    person = known_person(warehouse)
    services.people.disable(warehouse.actor, person.id)
    shown = export_of(services, warehouse.actor, person)
    assert shown["of_account"] == {}
    assert [row["administrator"] for row in shown["of_person"]["cancellations"]] == [person.reference]


def test_what_the_operators_people_wrote_of_accounts_is_not_in_their_export(warehouse: Warehouse) -> None:
    services, known = warehouse.services, known_person(warehouse)
    bob = services.people.invite(warehouse.actor, "Bob", "bob@example.net", frozenset({Role.SUPPORT}), None)
    bob = let_in(services, bob)
    services.units.quarantine(actor_of(bob), "PT000000018", f"{NAME} lives at 7 Elm Street")
    shown = export_of(services, actor_of(bob), bob)
    [note] = shown["of_person"]["unit_notes"]
    assert (note["action"], note["serial"]) == ("unit:quarantine", "PT000000018")
    assert known.name not in json.dumps(shown)


def test_people_of_the_operator_have_no_account_in_their_export(services: Services, admin: Actor) -> None:
    bob = services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None)
    shown = export_of(services, admin, bob)
    assert (set(shown["of_person"]), shown["of_account"]) == ({"people", "person_roles", "outbox", "audit_log"}, {})


def test_a_person_corrects_their_own_name_and_address_and_keeps_the_rest(services: Services, admin: Actor) -> None:
    bob = let_in(services, services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None))
    right = services.subjects.correct(actor_of(bob), bob.id, " Robert ", "Rob@Example.net")
    assert (right.name, right.email, right.version) == ("Robert", "rob@example.net", bob.version + 1)
    assert services.access.sign_in("rob@example.net", PASSWORD, "").person == right
    with pytest.raises(UnauthenticatedError):
        services.access.sign_in("bob@example.net", PASSWORD, "")
    assert services.subjects.correct(admin, bob.id, "Bob", None).email == "rob@example.net"
    assert services.audit.page(admin, 1, None, None)[0].fields == ("name",)


def test_a_password_link_that_went_to_the_old_address_is_void(warehouse: Warehouse) -> None:
    services, person = warehouse.services, known_person(warehouse)
    link = services.people.password_link(warehouse.actor, person.id).partition("#")[2]
    services.subjects.correct(actor_of(person), person.id, None, "new@example.com")
    with pytest.raises(UnauthenticatedError):
        services.people.choose_password(link, PASSWORD)


def test_an_invitation_that_went_to_a_wrong_address_is_void_and_goes_out_again(
    services: Services, admin: Actor
) -> None:
    bob = services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None)
    link = services.people.mailed_link(bob.id).partition("#")[2]
    services.subjects.correct(admin, bob.id, None, "rob@example.net")
    with pytest.raises(UnauthenticatedError):
        services.people.choose_password(link, PASSWORD)
    with services.transactions.engine.connect() as connection:
        keys = list(connection.scalars(select(outbox.c.key).order_by(outbox.c.id)))
    assert keys == ["invitation:PE-1:1", "invitation:PE-1:2"]


@pytest.mark.parametrize(
    ("name", "email"), [("", None), ("Rob\n by", None), (None, "nobody"), (None, "ada@example.net")]
)
def test_a_correction_that_is_none_changes_nothing(
    services: Services, admin: Actor, name: str | None, email: str | None
) -> None:
    services.people.invite(admin, "Ada", "ada@example.net", frozenset({Role.VIEWER}), None)
    bob = services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None)
    before = snapshot(services)
    with pytest.raises((InvalidError, ConflictError)):
        services.subjects.correct(admin, bob.id, name, email)
    with pytest.raises(StaleVersionError):
        services.subjects.correct(replace(admin, seen=Seen(bob.reference, 7)), bob.id, "Rob", None)
    with pytest.raises(StaleVersionError):
        services.subjects.erase(replace(admin, seen=Seen(bob.reference, 7)), bob.id)
    assert snapshot(services) == before


def test_nobody_touches_another_person_without_managing_people(services: Services, admin: Actor) -> None:
    ada = let_in(services, services.people.invite(admin, "Ada", "ada@example.net", frozenset({Role.ADMIN}), None))
    bob = let_in(services, services.people.invite(admin, "Bob", "bob@example.net", frozenset({Role.SUPPORT}), None))
    narrow = replace(actor_of(bob), permissions=actor_of(bob).permissions | {Permission.PEOPLE_MANAGE})
    before = snapshot(services)
    for actor, refusal in ((actor_of(bob), NotFoundError), (narrow, ForbiddenError)):
        for attempt in (
            lambda actor=actor: services.subjects.export(actor, ada.id),
            lambda actor=actor: services.subjects.correct(actor, ada.id, "Eve", None),
            lambda actor=actor: services.subjects.erase(actor, ada.id),
        ):
            with pytest.raises(refusal):
                attempt()
    with pytest.raises(NotFoundError):
        services.subjects.get(actor_of(bob), ada.id)
    with pytest.raises(NotFoundError):
        services.subjects.get(someone(Role.ADMIN, account_id=3), ada.id)
    assert snapshot(services) == before
