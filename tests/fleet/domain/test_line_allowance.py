"""What a line may do: 911 is taken away by a bad identity or the law alone, and everything else has its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.admission import WITH_ACCOUNT
from fleet.domain.errors import InvalidError
from fleet.domain.line_allowance import LineFacts, LineLevel, line_allowance
from fleet.domain.phone_number import NumberState
from fleet.domain.reason import Reason
from fleet.domain.registered_location import MAX_ADDRESS_CHARACTERS, LocationState, RegisteredLocation, location_state
from fleet.domain.suspension import AccountService
from fleet.domain.unit import Custody, Trust

FULL = LineFacts(Custody.AT_ACCOUNT, Trust.GOOD, AccountService.AVAILABLE, LocationState.CURRENT, NumberState.ASSIGNED)


def level(**known: Any) -> LineLevel:
    return line_allowance(replace(FULL, **known)).level


def test_with_nothing_against_it_the_line_is_full() -> None:
    assert line_allowance(FULL).level is LineLevel.FULL
    assert level(custody=Custody.SHIPPED) is LineLevel.FULL  # its first registration is not yet booked


@pytest.mark.parametrize("trust", [Trust.QUARANTINED, Trust.REVOKED])
def test_a_bad_identity_has_no_line_at_all(trust: Trust) -> None:
    allowance = line_allowance(replace(FULL, trust=trust))
    assert allowance.level is LineLevel.NONE
    assert str(trust) in allowance.reason.text


@pytest.mark.parametrize("custody", [c for c in Custody if c not in WITH_ACCOUNT])
def test_a_unit_of_no_account_has_no_line(custody: Custody) -> None:
    assert level(custody=custody) is LineLevel.NONE


def test_a_replacement_on_its_way_has_no_line_yet() -> None:
    assert level(custody=Custody.SHIPPED, came_on=False) is LineLevel.NONE


def test_a_blocked_country_gets_no_service() -> None:
    allowance = line_allowance(replace(FULL, country_blocked=True))
    assert (allowance.level, allowance.reason.rule) == (LineLevel.NONE, "ER 6, ToS 32.o")


@pytest.mark.parametrize(
    ("known", "word"),
    [
        ({"account_service": AccountService.SUSPENDED}, "suspended"),
        ({"account_service": AccountService.ENDED}, "ended"),
        ({"unit_in_service": False}, "ended"),
        ({"location": LocationState.MISSING}, "registered location"),
        ({"location": LocationState.UNACKNOWLEDGED}, "disclosure"),
        ({"location": LocationState.NETWORK_CHANGED}, "another public network"),
        ({"refused_security_update": True}, "security update"),
        ({"waits_for_call": True}, "A call is up"),
        ({"number": None}, "no number of the account (none)"),
        ({"number": NumberState.PORTED_OUT}, "(ported_out)"),
        ({"number": NumberState.RELEASED}, "(released)"),
        ({"number": NumberState.INVENTORY}, "(inventory)"),
    ],
    ids=str,
)
def test_what_stops_voice_leaves_911(known: dict[str, Any], word: str) -> None:
    allowance = line_allowance(replace(FULL, **known))
    assert allowance.level is LineLevel.EMERGENCY_ONLY
    assert word in allowance.reason.text


def test_a_number_on_its_way_in_calls_out_only() -> None:
    assert level(number=NumberState.PORTING_IN) is LineLevel.OUTGOING_ONLY
    assert level(number=NumberState.PORTING_IN, location=LocationState.MISSING) is LineLevel.EMERGENCY_ONLY


@given(
    st.builds(
        LineFacts,
        st.sampled_from(sorted(WITH_ACCOUNT)),
        st.sampled_from(Trust),
        st.sampled_from(AccountService),
        st.sampled_from(LocationState),
        st.none() | st.sampled_from(NumberState),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    )
)
def test_911_is_never_stopped_but_by_a_bad_identity_or_the_law(facts: LineFacts) -> None:
    allowance = line_allowance(facts)
    assert (allowance.level is LineLevel.NONE) is (facts.trust is not Trust.GOOD or facts.country_blocked)
    if allowance.level is LineLevel.FULL:  # nothing is full that misses any of what voice needs
        assert replace(facts, custody=FULL.custody) == FULL


HOME = RegisteredLocation("1 Main St, Springfield", "AS64500 Springfield", datetime(2025, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("location", "network", "state"),
    [
        (None, "AS64500 Springfield", LocationState.MISSING),
        (replace(HOME, acknowledged_at=None), "AS64500 Springfield", LocationState.UNACKNOWLEDGED),
        (HOME, "AS64500 Springfield", LocationState.CURRENT),
        (HOME, "AS64501 Shelbyville", LocationState.NETWORK_CHANGED),
        (HOME, "", LocationState.CURRENT),  # not yet known where it is: nothing says that it moved
        (replace(HOME, network=""), "AS64501 Shelbyville", LocationState.CURRENT),  # the first it is seen on
    ],
)
def test_a_new_public_network_asks_for_the_location_again(
    location: RegisteredLocation | None, network: str, state: LocationState
) -> None:
    assert location_state(location, network) is state


@pytest.mark.parametrize("address", ["", "  ", "x" * (MAX_ADDRESS_CHARACTERS + 1)])
def test_a_location_has_an_address_of_bounded_length(address: str) -> None:
    assert RegisteredLocation("x" * 300, "").address
    with pytest.raises(InvalidError, match=f"1 to 300 characters, got {len(address)}"):
        RegisteredLocation(address, "")


def test_a_location_given_before_the_unit_is_plugged_in_is_for_the_first_network_it_is_seen_on() -> None:
    given = replace(HOME, network="")
    assert given.seen_on("") is given
    assert given.seen_on("AS64501 Shelbyville").network == "AS64501 Shelbyville"
    assert HOME.seen_on("AS64501 Shelbyville") is HOME


@pytest.mark.parametrize(
    ("known", "rule", "words"),
    [
        ({}, "ER 7", "Nothing stands against it."),
        ({"trust": Trust.QUARANTINED}, "ER 2, ER 7", "The unit's identity is quarantined."),
        ({"custody": Custody.IN_STOCK}, "ER 1", "The unit is in_stock: no account has it."),
        ({"came_on": False}, "ER 4", "The unit has not come on at its account yet."),
        (
            {"country_blocked": True},
            "ER 6, ToS 32.o",
            "The unit registered from a country on the export block list.",
        ),
        ({"account_service": AccountService.SUSPENDED}, "ER 5", "The account is suspended."),
        (
            {"account_service": AccountService.ENDED},
            "ER 5",
            "The service of the account or of this unit has ended.",
        ),
        ({"unit_in_service": False}, "ER 5", "The service of the account or of this unit has ended."),
        (
            {"refused_security_update": True},
            "ER 6",
            "The unit refused a mandatory security update; installing it brings voice back.",
        ),
        ({"number": None}, "ER 7", "The line has no number of the account (none)."),
        ({"number": NumberState.RELEASED}, "ER 7", "The line has no number of the account (released)."),
        (
            {"number": NumberState.PORTING_IN},
            "ER 7, ToS 22.a",
            "The number is being ported in: outgoing calls only until that is effective.",
        ),
    ],
)
def test_each_level_says_by_which_rule_and_why(known: dict[str, Any], rule: str, words: str) -> None:
    assert line_allowance(replace(FULL, **known)).reason == Reason(rule, words)


@pytest.mark.parametrize("location", [state for state in LocationState if state is not LocationState.CURRENT])
def test_whatever_is_missing_for_911_is_said_in_its_own_words(location: LocationState) -> None:
    reasons = {state: line_allowance(replace(FULL, location=state)).reason for state in LocationState}
    assert reasons[location].rule == "ER 7"
    assert list(reasons.values()).count(reasons[location]) == 1
