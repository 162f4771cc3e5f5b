"""Digest as a registrar checks it: against the unit's own answers, and against everything that is none."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.sip.digest import answer, fields
from adapter.sip.message import request
from tests.firmware.adapter.sip.rig import PASSWORD
from tests.tools.sim.registrar.network import ALICE_USER, DOMAIN, subscriber
from tools.sim.registrar.challenges import Challenges, Verdict

ALICE = subscriber(ALICE_USER)
URI = f"sip:{DOMAIN}"


def asked(cseq: int = 1) -> Any:
    message = request("REGISTER", URI)
    message.headers = [("call-id", "c"), ("cseq", f"{cseq} REGISTER")]
    return message


def given(challenges: list[str], password: str = PASSWORD, count: int = 1, **changes: str) -> dict[str, str]:
    made: dict[str, str] = fields(answer(challenges, "REGISTER", URI, ALICE_USER, password, count, "cn"))
    return made | changes


def made(life_ms: int = 1000) -> tuple[Challenges, list[str]]:
    challenges = Challenges(bytes(32), life_ms)
    return challenges, challenges.values(DOMAIN, 5000, stale=False)


@pytest.mark.parametrize("which", [0, 1])
def test_the_units_answer_is_good_for_either_algorithm(which: int) -> None:
    challenges, values = made()
    assert challenges.check(given([values[which]]), asked(), ALICE, 5500) is Verdict.GOOD


def test_the_stronger_algorithm_comes_first_and_stale_is_said() -> None:
    challenges, values = made()
    assert ["SHA-256" in value for value in values] == [True, False]
    assert all("stale=true" in value for value in challenges.values(DOMAIN, 1, stale=True))


@pytest.mark.parametrize(
    "changes",
    [{"response": "0" * 64}, {"uri": "sip:other"}, {"qop": "auth-int"}, {"qop": ""}, {"algorithm": "MD5"}, {"nc": "x"},
     {"algorithm": "SHA-512"}, {"cnonce": "other"}, {"nc": "00000002"}],
)  # fmt: skip
def test_what_was_changed_is_wrong(changes: dict[str, str]) -> None:
    challenges, values = made()
    assert challenges.check(given(values, **changes), asked(), ALICE, 5500) is Verdict.WRONG


def test_a_wrong_password_and_nobody_of_that_name_are_wrong() -> None:
    challenges, values = made()
    assert challenges.check(given(values, "guess"), asked(), ALICE, 5500) is Verdict.WRONG
    assert challenges.check(given(values), asked(), None, 5500) is Verdict.WRONG


@pytest.mark.parametrize("nonce", ["", "zz", "0" * 44, "é" * 44])
def test_a_nonce_that_is_none_of_ours_is_stale(nonce: str) -> None:
    challenges, values = made()
    assert challenges.check(given(values, nonce=nonce), asked(), ALICE, 5500) is Verdict.STALE


def test_a_nonce_of_another_life_or_another_realm_or_too_old_is_stale() -> None:
    challenges, values = made()
    other = Challenges(b"x" * 32).values(DOMAIN, 5000, stale=False)
    assert challenges.check(given(other), asked(), ALICE, 5500) is Verdict.STALE
    assert challenges.check(given(values, realm="elsewhere"), asked(), ALICE, 5500) is Verdict.STALE
    assert challenges.check(given(values), asked(), ALICE, 6001) is Verdict.STALE


def test_a_count_is_good_once_and_again_for_the_same_request() -> None:
    challenges, values = made()
    first, second = given(values), given(values, count=2)
    assert challenges.check(second, asked(2), ALICE, 5500) is Verdict.GOOD
    assert challenges.check(second, asked(2), ALICE, 5500) is Verdict.AGAIN
    assert challenges.check(second, asked(3), ALICE, 5500) is Verdict.STALE
    assert challenges.check(first, asked(1), ALICE, 5500) is Verdict.STALE


def test_what_is_kept_of_nonces_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.sim.registrar.challenges.MAX_NONCES", 20)
    challenges, _ = made(10**9)
    for now_ms in range(50):
        values = challenges.values(DOMAIN, now_ms, stale=False)
        challenges._count(fields(values[0]) | {"nc": "1"}, asked())
    assert len(challenges._uses) == 20


def test_credentials_are_taken_for_our_realm_alone() -> None:
    challenges, values = made()
    message = asked()
    for value in (
        "Basic abc",
        'Digest realm="elsewhere", nonce="n"',
        answer(values, "REGISTER", URI, "u", "p", 1, "c"),
    ):
        message.headers.append(("authorization", value))
    found = challenges.credentials(message, "authorization", DOMAIN)
    assert found is not None
    assert found["username"] == "u"
    assert challenges.credentials(message, "proxy-authorization", DOMAIN) is None
