"""Where the database holds something of a person: the one list that purges, exports and erasures work from.

- Every column of text is in PERSONAL, FREE_TEXT, REFERENCES or IMPERSONAL; `make lint` fails on a new one until
  somebody decides.
- What takes the place of a value says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    and_,
    exists,
    false,
    or_,
    select,
)

from fleet.domain.people import Person
from fleet.domain.retention import RetentionClass
from fleet.store.credentials import attempt_subject
from fleet.store.tables.calls import call_records, destination_blocks, metered_destinations, use_reviews
from fleet.store.tables.commerce import (
    account_notes,
    accounts,
    distributors,
    order_picks,
    orders,
    placements,
    rma_steps,
    rmas,
)
from fleet.store.tables.endings import (
    blind_return_steps,
    blind_returns,
    breach_notices,
    cancellations,
    change_notices,
    inspections,
)
from fleet.store.tables.equipment import heartbeats, mac_blocks, unit_notes
from fleet.store.tables.ingest import dead_letters, sequence_windows, unit_events
from fleet.store.tables.inventory import mac_events, mac_leases
from fleet.store.tables.journal import audit_log, outbox
from fleet.store.tables.minimum_versions import minimum_versions
from fleet.store.tables.people import one_time_links, people, person_roles, sessions, sign_in_attempts, tokens
from fleet.store.tables.refurbishing import refurbishing_steps, refurbishings
from fleet.store.tables.releases import releases
from fleet.store.tables.requests import errands
from fleet.store.tables.rollouts import rollouts
from fleet.store.tables.telephony import (
    export_blocks,
    number_events,
    phone_numbers,
    registered_locations,
    unit_whereabouts,
)
from fleet.store.tables.trust import claim_failures, clone_alarms
from fleet.store.tables.voice import voice_profiles

NOBODY: Final = "erased"

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Purgeable:
    """Rows of `table` go when the period of their class, counted from the instant in `since`, is over."""

    data: RetentionClass
    table: Table
    since: Column[Any]


@dataclass(frozen=True, slots=True)
class Held:
    """What of a closed account's rows goes: `emptied` has what takes the place of each value."""

    table: Table
    emptied: Mapping[str, Any]
    of_account: Callable[[int], Condition]


# A unit's last heartbeat is no log, but says when the unit was on; nothing needs it once it is that old.
PURGEABLE: Final = (
    Purgeable(RetentionClass.CONNECTION_LOGS, unit_events, unit_events.c.received_at),
    Purgeable(RetentionClass.CONNECTION_LOGS, dead_letters, dead_letters.c.received_at),
    Purgeable(RetentionClass.CONNECTION_LOGS, sequence_windows, sequence_windows.c.updated_at),
    Purgeable(RetentionClass.CONNECTION_LOGS, claim_failures, claim_failures.c.failed_at),
    Purgeable(RetentionClass.CONNECTION_LOGS, heartbeats, heartbeats.c.received_at),
    Purgeable(RetentionClass.CALL_RECORDS, call_records, call_records.c.started_at),
    Purgeable(RetentionClass.CALL_RECORDS, use_reviews, use_reviews.c.month_ended_at),
)


def _of(table: Table, account_id: int) -> Select[Any]:
    return select(table.c.id).where(table.c.account_id == account_id)


def _while_theirs(serial: Column[Any], at: Column[Any], account_id: int) -> Condition:
    """What was noted of a unit while it was the account's."""
    here = (placements.c.serial == serial, placements.c.account_id == account_id)
    still = or_(placements.c.until.is_(None), at <= placements.c.until)
    return exists(select(placements.c.id).where(*here, at >= placements.c.shipped_at, still))


# A parcel's number leads to its address at the carrier; words people typed may name anybody.
ACCOUNT_DATA: Final = (
    Held(accounts, {"name": NOBODY}, lambda account_id: accounts.c.id == account_id),
    Held(
        cancellations,
        {"proof": None, "verified_by": None, "passed_on_by": ""},
        lambda account_id: cancellations.c.account_id == account_id,
    ),
    Held(orders, {"location": None}, lambda account_id: orders.c.account_id == account_id),
    Held(
        registered_locations,
        {"address": NOBODY, "network": ""},
        lambda account_id: registered_locations.c.account_id == account_id,
    ),
    Held(
        unit_whereabouts,
        {"network": ""},
        lambda account_id: _while_theirs(unit_whereabouts.c.serial, unit_whereabouts.c.seen_at, account_id),
    ),
    Held(
        number_events,
        {"why": "", "line_id": None, "account_id": None},
        lambda account_id: number_events.c.account_id == account_id,
    ),
    Held(
        phone_numbers,
        {"line_id": None, "account_id": None},
        lambda account_id: phone_numbers.c.account_id == account_id,
    ),
    Held(call_records, {"number": ""}, lambda account_id: call_records.c.account_id == account_id),
    Held(use_reviews, {"why": ""}, lambda account_id: use_reviews.c.account_id == account_id),
    Held(
        destination_blocks,
        {"why": "", "lifted_why": ""},
        lambda account_id: destination_blocks.c.account_id == account_id,
    ),
    Held(placements, {"tracking": ""}, lambda account_id: placements.c.account_id == account_id),
    Held(blind_returns, {"tracking": ""}, lambda account_id: blind_returns.c.account_id == account_id),
    Held(rmas, {"reason": ""}, lambda account_id: rmas.c.account_id == account_id),
    Held(rma_steps, {"why": ""}, lambda account_id: rma_steps.c.rma_id.in_(_of(rmas, account_id))),
    Held(
        blind_return_steps,
        {"why": ""},
        lambda account_id: blind_return_steps.c.blind_return_id.in_(_of(blind_returns, account_id)),
    ),
    Held(
        refurbishing_steps,
        {"why": ""},
        lambda account_id: refurbishing_steps.c.refurbishing_id.in_(
            select(refurbishings.c.id).where(refurbishings.c.rma_id.in_(_of(rmas, account_id)))
        ),
    ),
    Held(inspections, {"photo": "", "note": ""}, lambda account_id: inspections.c.rma_id.in_(_of(rmas, account_id))),
    Held(
        breach_notices,
        {"why": "", "settled_why": None},
        lambda account_id: breach_notices.c.account_id == account_id,
    ),
    Held(account_notes, {"why": ""}, lambda account_id: account_notes.c.account_id == account_id),
    Held(
        unit_notes,
        {"why": ""},
        lambda account_id: _while_theirs(unit_notes.c.serial, unit_notes.c.at, account_id),
    ),
    Held(
        clone_alarms,
        {"why": ""},
        lambda account_id: _while_theirs(clone_alarms.c.serial, clone_alarms.c.raised_at, account_id),
    ),
)

# What of it is personal: told to who is an Administrator of the account now, and to nobody else.
ACCOUNT_COLUMNS: Final = frozenset(held.table.c[name] for held in ACCOUNT_DATA for name in held.emptied)

# Values that are about one person; erased with them (fleet/store/erasure.py), and shown to them.
PERSONAL: Final[frozenset[Column[Any]]] = frozenset(
    {
        people.c.name,
        people.c.email,
        people.c.password_hash,
        tokens.c.name,
        tokens.c.digest,
        tokens.c.hint,
        sessions.c.digest,
        one_time_links.c.digest,
        sign_in_attempts.c.subject,  # a digest of an e-mail or network address, for an hour at most
        outbox.c.payload,
        outbox.c.last_error,
        errands.c.key,
        errands.c.headers,
        errands.c.body,
        *ACCOUNT_COLUMNS,
    }
)

# What people typed; a name or an address in it gives way to the person's reference.
FREE_TEXT: Final[tuple[Column[Any], ...]] = (
    rmas.c.reason,
    rma_steps.c.why,
    blind_return_steps.c.why,
    refurbishing_steps.c.why,
    inspections.c.photo,
    inspections.c.note,
    unit_notes.c.why,
    distributors.c.name,
    blind_return_steps.c.why,
    breach_notices.c.why,
    breach_notices.c.settled_why,
    account_notes.c.why,
    clone_alarms.c.why,
    change_notices.c.text,
    tokens.c.name,
    number_events.c.why,
    export_blocks.c.why,
    use_reviews.c.why,
    destination_blocks.c.why,
    destination_blocks.c.lifted_why,
    rollouts.c.reason,
    minimum_versions.c.reason,
    releases.c.notes,
    mac_blocks.c.note,
    mac_events.c.why,
    mac_leases.c.station,
    mac_leases.c.why,
)

# Who did it, as PE-7: the reference stays when the person is erased.
REFERENCES: Final[tuple[Column[Any], ...]] = (
    account_notes.c.actor,
    clone_alarms.c.resolved_by,
    audit_log.c.actor,
    audit_log.c.operator,
    audit_log.c.subject,
    blind_return_steps.c.actor,
    breach_notices.c.noticed_by,
    breach_notices.c.settled_by,
    cancellations.c.administrator,
    cancellations.c.verified_by,
    cancellations.c.recorded_by,
    change_notices.c.told_by,
    destination_blocks.c.blocked_by,
    destination_blocks.c.lifted_by,
    metered_destinations.c.loaded_by,
    use_reviews.c.decided_by,
    inspections.c.inspected_by,
    export_blocks.c.actor,
    number_events.c.actor,
    orders.c.acknowledged_by,
    registered_locations.c.acknowledged_by,
    mac_events.c.actor,
    mac_leases.c.holder,
    minimum_versions.c.author,
    minimum_versions.c.approver,
    order_picks.c.actor,
    refurbishing_steps.c.actor,
    releases.c.published_by,
    rma_steps.c.actor,
    rollouts.c.author,
    rollouts.c.approver,
    unit_notes.c.actor,
    voice_profiles.c.actor,
)

# What would let somebody in, or is an answer's bytes: never shown, not even to its subject.
SECRETS: Final[frozenset[Column[Any]]] = frozenset(
    {
        people.c.password_hash,
        tokens.c.digest,
        sessions.c.digest,
        one_time_links.c.digest,
    }
)


# Names of states, kinds and rules, numbers of units, digests, sentences the code makes: nothing of a person.
IMPERSONAL: Final = {
    "account_notes": "action",
    "account_services": "state reasons",
    "assignments": "serial target document keyid",
    "audit_log": "actor_kind action fields",
    "blind_returns": "serial condition state carrier",
    "blind_return_steps": "event state",
    "breach_notices": "breach reason_rule reason_text state",
    "call_records": "serial start_taken_from direction ended_by codec charge_key",
    "cancellations": "cause channel names reason_rule reason_text state quote",
    "charge_events": "key kind rule subject reason_rule reason_text inputs policy credits_key",
    "claim_failures": "serial",
    "clone_alarms": "serial claimed evidence reason_rule reason_text sightings resolution",
    "commands": "serial command result detail",
    "configurations": "serial channel line_level voice_account",
    "dead_letters": "serial topic payload reason",
    "destination_blocks": "destination",  # a range of numbers or a country, never a number
    "distributors": "state",
    "download_slots": "serial",
    "errands": "actor digest attempt",
    "export_blocks": "country",
    "heartbeats": "serial",
    "identities": "serial fingerprint public_key_sha256 certificate state",
    "inspections": "code",
    "jobs": "name last_error",
    "known_prefixes": "prefix country network",
    "mac_addresses": "state serial",
    "mac_blocks": "registry",
    "mac_events": "event serial",
    "mac_leases": "request board state",
    "metered_destinations": "prefix name",
    "number_events": "event state",
    "one_time_links": "purpose",
    "order_lines": "board ownership",
    "order_picks": "serial",
    "orders": "plan",
    "outbox": "kind key",
    "people": "state",
    "minimum_version_tallies": "serial",
    "minimum_versions": "board state",
    "person_roles": "role",
    "phone_numbers": "number state",  # nobody's, without the line they hang on
    "placements": "serial carrier channel ownership",
    "policy_values": "name",
    "purge_proofs": "data rows_of first last sha256",
    "refurbishing_steps": "event state evidence",
    "refurbishings": "serial code state grade",
    "release_deltas": "board base_version name sha256",
    "release_images": "board name sha256 record_sha256",
    "releases": "version",
    "rma_steps": "track event state",
    "rmas": "serial kind mode decision replacement return_state replacement_serial condition",
    "rollout_counts": "state",
    "rollout_evidence": "revision seen",
    "rollout_units": "serial state reason",
    "rollout_watches": "serial revision signal",
    "rollout_windows": "revision",
    "rollouts": "state mode plan",
    "running_images": "serial board version sha256",
    "sequence_windows": "serial seen",
    "stock_records": "serial version self_test label claim_code_sha256 station country",
    "term_events": "kind detail",
    "tokens": "permissions",
    "unit_events": "serial event",
    "unit_starts": "serial starts",
    "voice_accounts": "serial tag password sealed_by",  # a machine's; the user is the number's row
    "voice_profiles": "profile",
    "waiting_swaps": "serial old_serial",
    "unit_notes": "serial action",
    "unit_whereabouts": "serial country",
    "use_measurements": "plan",
    "use_reviews": "plan evidence outcome",
    "update_failures": "serial",
    "units": "serial board board_uid custody service trust version condition ownership",
}


def undecided(metadata: MetaData) -> set[str]:
    """The columns that may hold text and are in none of the four lists."""
    decided = {str(column) for column in (*PERSONAL, *FREE_TEXT, *REFERENCES)}
    decided |= {f"{table}.{name}" for table, names in IMPERSONAL.items() for name in names.split()}
    columns = (column for table in metadata.tables.values() for column in table.columns)
    return {str(column) for column in columns if isinstance(column.type, String | LargeBinary)} - decided


def rows_of_person(table: Table, person: Person) -> Condition:
    """The rows of `table` that are about a person or were made by them."""
    conditions: list[Condition] = [column == person.reference for column in REFERENCES if column.table is table]
    if table is people:
        conditions.append(people.c.id == person.id)
    elif table in (person_roles, sessions, tokens, one_time_links):
        conditions.append(table.c.person_id == person.id)
    elif table is errands:
        conditions.append(errands.c.actor == f"person:{person.reference}")
    elif table is outbox:
        conditions.append(and_(outbox.c.kind == "mail", outbox.c.payload.startswith(f'{{"person": {person.id},')))
    elif table is sign_in_attempts:
        conditions.append(sign_in_attempts.c.subject == attempt_subject("email", person.email))
    return or_(false(), *conditions)
