"""Who may cancel, when by phone, and what is recorded; a Distributor passes on and decides nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleet.domain.cancellation_notice import Notice, NoticeChannel, NoticeRefusedError, check_notice
from fleet.domain.cancellation_scope import Scope
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.proof_of_identity import RECOVERY_PROOFS, ProofMethod, Verification, check_recovery
from tests.fleet.domain.cancelling import NEW_YORK, POLICY, call, day, local

ADMINISTRATORS = frozenset({"PE-1", "PE-2"})


def check(notice: Notice, policy: PolicyBook = POLICY) -> Notice:
    return check_notice(notice, ADMINISTRATORS, policy, NEW_YORK)


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        ("2025-06-10 05:59:59.999999", False),
        ("2025-06-10 06:00", True),
        ("2025-06-10 19:59:59.999999", True),
        ("2025-06-10 20:00", False),
        ("2025-06-08 12:00", True),  # a Sunday
        ("2025-12-25 12:00", True),  # a holiday
        ("2025-03-09 06:00", True),  # the morning clocks went forward
        ("2025-11-02 05:59", False),  # the morning they went back
    ],
)
def test_the_phone_is_open_from_6_to_20_local_on_any_day(at: str, counts: bool) -> None:
    notice = call(at)
    if counts:
        assert check(notice) == notice
    else:
        with pytest.raises(NoticeRefusedError, match="from 6:00 to 20:00, the call began at"):
            check(notice)


def test_the_hours_are_the_operators_not_utcs() -> None:
    assert check(replace(call("2025-06-10 12:00"), at=datetime(2025, 6, 10, 23, 59, tzinfo=UTC)))
    with pytest.raises(NoticeRefusedError, match="20:00"):
        check(replace(call("2025-06-10 12:00"), at=datetime(2025, 6, 11, 0, 0, tzinfo=UTC)))


def test_the_hours_are_those_in_force_that_day() -> None:
    book = PolicyBook(
        (
            PolicyValue(PolicyName.PHONE_OPENS_HOUR, day("2025-06-10"), 8),
            PolicyValue(PolicyName.PHONE_CLOSES_HOUR, day("2025-06-10"), 24),
        )
    )
    assert check(call("2025-06-09 06:00"), book)
    assert check(call("2025-06-10 23:59"), book)
    with pytest.raises(NoticeRefusedError, match="8:00 to 24:00"):
        check(call("2025-06-10 07:59"), book)


def test_only_an_administrator_cancels_through_a_distributor_too() -> None:
    for channel in NoticeChannel:
        notice = replace(call("2025-06-10 12:00"), channel=channel, administrator="PE-9", passed_on_by="Acme")
        with pytest.raises(NoticeRefusedError, match="PE-9 is none"):
            check(notice)


@pytest.mark.parametrize("method", [None, ProofMethod.SIGNED_LETTER, ProofMethod.MAIL_FROM_ADDRESS_ON_FILE])
def test_a_caller_is_verified_and_that_is_recorded(method: ProofMethod | None) -> None:
    verification = None if method is None else Verification(method, "PE-7")
    with pytest.raises(NoticeRefusedError, match="account_pin or security_questions"):
        check(replace(call("2025-06-10 12:00"), verification=verification))


def test_a_distributor_may_pass_a_notice_on_at_any_hour_and_is_named() -> None:
    passed_on = replace(call("2025-06-10 23:00"), channel=NoticeChannel.DISTRIBUTOR, verification=None)
    assert check(replace(passed_on, passed_on_by="Acme"))
    with pytest.raises(NoticeRefusedError, match="which Authorized Distributor"):
        check(passed_on)


def test_a_notice_names_something() -> None:
    with pytest.raises(NoticeRefusedError, match="names no service"):
        check(call("2025-06-10 12:00", scope=Scope(frozenset())))


def test_a_refused_notice_has_a_code_of_its_own() -> None:
    assert NoticeRefusedError.code == "notice_refused"
    assert local("2025-06-10 12:00").tzinfo is NEW_YORK


@pytest.mark.parametrize("method", list(ProofMethod))
def test_an_account_whose_administrator_is_gone_proves_itself_by_one_of_three(method: ProofMethod) -> None:
    if method in RECOVERY_PROOFS:
        check_recovery(Verification(method, "PE-7"), 0)
    else:
        with pytest.raises(InvalidError, match=f"got {method}"):
            check_recovery(Verification(method, "PE-7"), 0)
    with pytest.raises(ConflictError, match="any of them appoints another"):
        check_recovery(Verification(method, "PE-7"), 1)
