"""The unit's three tables, every state against every event, and who is let in."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Any

import pytest

from fleet.domain.admission import RETRY_S, Admission, admit
from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError
from fleet.domain.unit import (
    CUSTODY,
    MAX_EPOCH,
    SERVICE,
    TRUST,
    Custody,
    CustodyEvent,
    Service,
    ServiceEvent,
    Trust,
    TrustEvent,
    Unit,
    after,
    check_board_uid,
    next_epoch,
)
from protocol.wire.enumerations import REGISTER_RESULTS
from protocol.wire.mac import MacAddress

MAC = MacAddress(bytes.fromhex("8c1f64aa0001"))
UNIT = Unit(
    "PT000000018", MAC, "simulated", 1, bytes(8), 1, Custody.AT_ACCOUNT, Service.ACTIVE, Trust.GOOD, account_id=1
)

MACHINES: list[tuple[str, type[StrEnum], type[StrEnum], dict[Any, Any]]] = [
    ("custody", Custody, CustodyEvent, CUSTODY),
    ("service", Service, ServiceEvent, SERVICE),
    ("trust", Trust, TrustEvent, TRUST),
]
MATRIX = [
    pytest.param(name, state, event, table.get((state, event)), id=f"{name}-{state}-{event}")
    for name, states, events, table in MACHINES
    for state in states
    for event in events
]


@pytest.mark.parametrize(("machine", "state", "event", "following"), MATRIX)
def test_each_event_in_each_state_moves_its_own_table_or_nothing(
    machine: str, state: StrEnum, event: Any, following: StrEnum | None
) -> None:
    unit = replace(UNIT, **{machine: state})  # type: ignore[arg-type]
    if following is None:
        with pytest.raises(IllegalTransitionError, match=f"{UNIT.serial} is {state}"):
            after(unit, event)
    else:
        assert after(unit, event) == replace(unit, **{machine: following})  # type: ignore[arg-type]


def test_every_state_is_named_by_its_table() -> None:
    for _, states, events, table in MACHINES:
        assert {state for state, _ in table} | set(table.values()) == set(states)
        assert {event for _, event in table} == set(events)


def test_nothing_leaves_a_scrapped_unit() -> None:
    assert not [event for state, event in CUSTODY if state is Custody.SCRAPPED]


def test_of_several_events_either_all_apply_or_none() -> None:
    with pytest.raises(IllegalTransitionError):
        after(replace(UNIT, custody=Custody.RETURNED), CustodyEvent.REFURBISH, TrustEvent.CLEAR)


def test_admissions_are_the_wires_register_results() -> None:
    assert tuple(Admission) == REGISTER_RESULTS
    assert set(RETRY_S) == set(Admission)


def ask(unit: Unit, **claims: Any) -> Admission:
    told = {"serial": unit.serial, "mac": unit.mac, "epoch": unit.epoch, "board": unit.board} | claims
    return admit(unit, **told)


@pytest.mark.parametrize(
    ("custody", "expected"),
    [
        (Custody.MADE, Admission.NOT_IN_STOCK),
        (Custody.CERTIFIED, Admission.NOT_IN_STOCK),
        (Custody.IN_STOCK, Admission.ACCEPTED),
        (Custody.RESERVED, Admission.ACCEPTED),
        (Custody.SHIPPED, Admission.ACCEPTED),
        (Custody.AT_ACCOUNT, Admission.ACCEPTED),
        (Custody.LOST, Admission.NOT_IN_STOCK),
        (Custody.RETURNED, Admission.NOT_IN_STOCK),
        (Custody.SCRAPPED, Admission.NOT_IN_STOCK),
    ],
)
def test_only_units_in_stock_or_placed_are_let_in(custody: Custody, expected: Admission) -> None:
    assert ask(replace(UNIT, custody=custody)) is expected


def test_trust_goes_before_custody() -> None:
    assert ask(replace(UNIT, trust=Trust.REVOKED, custody=Custody.RETURNED)) is Admission.REVOKED
    assert ask(replace(UNIT, trust=Trust.QUARANTINED)) is Admission.QUARANTINED


def test_a_placed_unit_needs_an_account() -> None:
    assert ask(replace(UNIT, account_id=None)) is Admission.NO_ACCOUNT


@pytest.mark.parametrize(
    "claim",
    [{"serial": "PT000000026"}, {"mac": MacAddress(bytes(6))}, {"epoch": 2}, {"board": "other"}],
    ids=lambda claim: next(iter(claim)),
)
def test_a_claim_that_is_not_the_certificates_is_a_bad_identity(claim: dict[str, Any]) -> None:
    assert ask(UNIT, **claim) is Admission.BAD_IDENTITY


def test_epochs_end_where_the_wires_field_ends() -> None:
    assert next_epoch(UNIT) == 2
    with pytest.raises(ConflictError, match="65535"):
        next_epoch(replace(UNIT, epoch=MAX_EPOCH))


@pytest.mark.parametrize("text", ["", "00", "zz" * 8, "00" * 9, "0 " * 8])
def test_a_boards_uid_has_eight_bytes(text: str) -> None:
    with pytest.raises(InvalidError, match="16 hex digits"):
        check_board_uid(text)
