"""Addresses, leases and the supply: every state against every event, and the figures at which something is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError
from fleet.domain.lease import (
    LEASES,
    MAX_LEASE_DAYS,
    MAX_LEASE_UNITS,
    MAX_OPEN_LEASES_PER_HOLDER,
    Lease,
    LeaseEvent,
    LeaseState,
    check_all_reported,
    check_may_take,
    check_terms,
)
from fleet.domain.mac_address import ADDRESSES, AddressEvent, AddressState, macs_of
from fleet.domain.mac_supply import Supply
from fleet.domain.transitions import advance
from protocol.wire.mac import MacAddress

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
LEASE = Lease(
    7, "request-1", "bench", "TO-1", "simulated", 1, 5, START, START + timedelta(days=1), LeaseState.OPEN, 3, None, ""
)
TIED = {AddressState.RESERVED, AddressState.GIVEN, AddressState.RETIRED}


@pytest.mark.parametrize("event", list(AddressEvent))
@pytest.mark.parametrize("state", list(AddressState))
def test_an_address_goes_by_its_table_and_never_leaves_its_unit(state: AddressState, event: AddressEvent) -> None:
    following = ADDRESSES.get((state, event))
    if following is None:
        with pytest.raises(IllegalTransitionError, match=f"it is {state}"):
            advance(ADDRESSES, state, event, "it")
    else:
        assert advance(ADDRESSES, state, event, "it") is following
        assert state not in TIED or following in TIED, "an address that was a unit's is given to no other"


@pytest.mark.parametrize("event", list(LeaseEvent))
@pytest.mark.parametrize("state", list(LeaseState))
def test_a_lease_goes_by_its_table(state: LeaseState, event: LeaseEvent) -> None:
    if (state, event) in LEASES:
        assert advance(LEASES, state, event, "it") is LEASES[state, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"it is {state}"):
            advance(LEASES, state, event, "it")
    assert (LeaseState.SETTLED, event) not in LEASES, "settled is the end"


@pytest.mark.parametrize(
    ("units", "days", "words"),
    [(0, 1, "got 0"), (MAX_LEASE_UNITS + 1, 1, "got 1001"), (1, 0, "0:00:00"), (1, MAX_LEASE_DAYS + 1, "31 days")],
)
def test_a_lease_is_neither_empty_nor_too_large_nor_too_long(units: int, days: int, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        check_terms(units, timedelta(days=days))
    check_terms(MAX_LEASE_UNITS, timedelta(days=MAX_LEASE_DAYS))


def test_who_owes_a_report_or_holds_enough_takes_no_more() -> None:
    check_may_take(MAX_OPEN_LEASES_PER_HOLDER - 1, None)
    with pytest.raises(ConflictError, match="8 leases are open"):
        check_may_take(MAX_OPEN_LEASES_PER_HOLDER, None)
    with pytest.raises(ConflictError, match="ML-7 has expired"):
        check_may_take(1, "ML-7")


def test_an_incomplete_report_is_refused() -> None:
    check_all_reported(LEASE, 2, 2)
    for said in (1, 3):
        with pytest.raises(ConflictError, match=f"used {said} of ML-7, the fleet knows of 2"):
            check_all_reported(LEASE, said, 2)


@pytest.mark.parametrize(
    ("free", "size", "taken", "level", "days", "low"),
    [
        (0, 0, 0, None, None, False),
        (21, 100, 0, None, None, False),
        (20, 100, 0, 20, None, True),
        (10, 100, 0, 10, None, True),
        (6, 100, 0, 10, None, True),
        (1, 100, 0, 1, None, True),
        (0, 100, 10, 0, 0, True),
        (90, 100, 30, None, 90, False),
        (89, 100, 30, None, 89, True),
        (1000, 1000, 334, None, 89, True),
    ],
)
def test_the_supply_is_low_by_its_share_or_by_the_rate(
    free: int, size: int, taken: int, level: int | None, days: int | None, low: bool
) -> None:
    supply = Supply(free, size, taken)
    assert (supply.level_percent, supply.days_left, supply.is_low) == (level, days, low)


@given(st.integers(0, (1 << 48) - 9), st.integers(1, 8))
def test_further_addresses_follow_the_base(base: int, count: int) -> None:
    assert [int(mac) for mac in macs_of(MacAddress.from_int(base), count)] == list(range(base, base + count))
