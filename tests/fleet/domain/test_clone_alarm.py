"""A copy of a unit is found by a false MAC or by a start that comes back; people of the operator resolve it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.access import ActorKind, ForbiddenError, system_actor
from fleet.domain.clone_alarm import (
    LATEST,
    ORDER_DOUBT,
    PROMPT,
    RESOLUTIONS,
    CloneEvidence,
    Resolution,
    Sighting,
    is_noted,
    is_prompt,
    judge_mac,
    judge_places,
    resolve,
)
from fleet.domain.unit import TRUST, Trust, TrustEvent
from protocol.wire.mac import MacAddress

SERIAL, OTHER = "PT000000018", "PT000000026"
NOW = datetime(2025, 6, 1, tzinfo=UTC)
SEEN = Sighting(NOW, SERIAL, MacAddress(bytes.fromhex("8c1f64aa0001")), 1)


def starts(*boot_ids: int) -> list[Sighting]:
    return [replace(SEEN, at=NOW + timedelta(minutes=n), boot_id=boot_id) for n, boot_id in enumerate(boot_ids)]


def test_another_units_mac_is_an_alarm_for_the_identity_that_proved_its_key() -> None:
    alarm = judge_mac(SEEN, OTHER)
    assert alarm is not None
    assert (alarm.evidence, alarm.quarantined, alarm.claimed) == (CloneEvidence.OTHER_KEY, SERIAL, OTHER)
    assert SERIAL in alarm.reason.text
    assert OTHER in alarm.reason.text


@pytest.mark.parametrize("owner", [SERIAL, None])
def test_its_own_mac_or_one_of_nobody_is_no_clone(owner: str | None) -> None:
    assert judge_mac(SEEN, owner) is None


@pytest.mark.parametrize("boot_ids", [(1, 2, 1), (1, 1, 2, 3, 2), (1, 2, 3, 1), (1, 2, 2, 1, 2)])
def test_a_start_that_comes_back_after_a_later_one_is_a_second_device(boot_ids: tuple[int, ...]) -> None:
    alarm = judge_places(starts(*boot_ids))
    assert alarm is not None
    assert (alarm.evidence, alarm.quarantined, alarm.claimed) == (CloneEvidence.TWO_PLACES, SERIAL, "")


@pytest.mark.parametrize("boot_ids", [(), (1,), (1, 1, 1), (1, 2, 3), (1, 1, 2, 2)])
def test_a_unit_that_restarts_or_only_reconnects_is_one_device(boot_ids: tuple[int, ...]) -> None:
    assert judge_places(starts(*boot_ids)) is None


@given(st.lists(st.integers(0, 4), max_size=8))
def test_the_alarm_is_raised_exactly_when_some_start_is_not_in_one_piece(boot_ids: list[int]) -> None:
    pieces = [boot_id for n, boot_id in enumerate(boot_ids) if n == 0 or boot_ids[n - 1] != boot_id]
    assert (judge_places(starts(*boot_ids)) is not None) is (len(pieces) != len(set(pieces)))


@pytest.mark.parametrize("resolution", list(Resolution))
def test_the_operators_people_resolve_a_quarantine_by_a_step_its_table_has(resolution: Resolution) -> None:
    event = resolve(system_actor("test"), resolution)
    assert event is RESOLUTIONS[resolution]
    expected = Trust.REVOKED if event is TrustEvent.REVOKE else Trust.GOOD
    assert TRUST[Trust.QUARANTINED, event] is expected


def test_an_administrator_resolves_nothing() -> None:
    administrator = replace(system_actor("test"), kind=ActorKind.PERSON, account_id=1)
    with pytest.raises(ForbiddenError, match="operator's own people"):
        resolve(administrator, Resolution.FALSE_ALARM)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_message_that_came_late_by_its_own_clock_tells_nothing_of_the_order(sign: int) -> None:
    assert is_prompt(NOW, NOW + sign * PROMPT)
    assert not is_prompt(NOW, NOW + sign * (PROMPT + timedelta(microseconds=1)))


@pytest.mark.parametrize(
    ("prompt", "known", "newest_ago", "noted"),
    [
        (True, True, timedelta(0), True),
        (False, True, LATEST * 2, False),
        (True, False, None, True),
        (False, False, None, False),
        (True, False, ORDER_DOUBT, False),
        (True, False, ORDER_DOUBT + timedelta(microseconds=1), True),
        (False, False, LATEST, False),
        (False, False, LATEST + timedelta(microseconds=1), True),
    ],
)
def test_a_new_start_tells_of_the_order_whatever_its_clock_says_once_no_honest_message_is_that_late(
    prompt: bool, known: bool, newest_ago: timedelta | None, noted: bool
) -> None:
    newest_at = None if newest_ago is None else NOW - newest_ago
    assert is_noted(NOW, prompt=prompt, known=known, newest_at=newest_at) is noted
