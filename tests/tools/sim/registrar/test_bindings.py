"""REGISTER's effect on bindings, rule by rule of RFC 3261 10.3."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.sip.errors import SipError
from adapter.sip.message import request
from tools.sim.registrar.bindings import MAX_CONTACTS, MAX_EXPIRES_S, Bindings, TooBriefError

SOURCE = ("192.0.2.10", 5060)
USER = "+15551230001"


def register(bindings: Bindings, *contacts: str, cseq: int = 1, now_ms: int = 0, **fields: str) -> list[str]:
    message: Any = request("REGISTER", "sip:example.net")
    call_id = fields.pop("call_id", "c")
    message.cseq = (cseq, "REGISTER")
    message.headers = [("call-id", call_id), *fields.items(), *(("contact", each) for each in contacts)]
    return [each.contact for each in bindings.register(USER, message, SOURCE, now_ms)]


def test_a_contact_is_bound_for_its_time_refreshed_and_taken_back() -> None:
    bindings = Bindings()
    assert register(bindings, "<sip:a@h>;expires=60") == ["sip:a@h"]
    assert register(bindings, cseq=2, now_ms=59_000) == ["sip:a@h"]
    assert register(bindings, "<sip:a@h>;expires=60", cseq=3, now_ms=59_000) == ["sip:a@h"]
    assert [each.contact for each in bindings.of(USER, 118_000)] == ["sip:a@h"]
    assert bindings.of(USER, 119_000) == []
    register(bindings, "<sip:a@h>;expires=60", cseq=4, now_ms=200_000)
    assert register(bindings, "<sip:a@h>;expires=0", cseq=5, now_ms=200_000) == []


def test_the_parameter_goes_before_the_field_and_the_field_before_ours() -> None:
    bindings = Bindings()
    register(bindings, "<sip:a@h>;expires=100", "<sip:b@h>", expires="200")
    register(bindings, "<sip:c@h>", cseq=2)
    assert {each.contact: each.until_ms for each in bindings.of(USER, 0)} == {
        "sip:a@h": 100_000, "sip:b@h": 200_000, "sip:c@h": 600_000,
    }  # fmt: skip
    register(bindings, "<sip:a@h>;expires=99999999", cseq=3)
    assert bindings.of(USER, 0)[0].until_ms == MAX_EXPIRES_S * 1000


def test_the_newest_contact_comes_first() -> None:
    bindings = Bindings()
    register(bindings, "<sip:old@h>;expires=600")
    assert register(bindings, "<sip:new@h>;expires=600", cseq=2, now_ms=1) == ["sip:new@h", "sip:old@h"]


def test_the_star_takes_all_back() -> None:
    bindings = Bindings()
    register(bindings, "<sip:a@h>", "<sip:b@h>")
    assert register(bindings, "*", cseq=2, expires="0") == []


@pytest.mark.parametrize(
    ("contacts", "fields"),
    [(("*",), {}), (("*",), {"expires": "60"}), (("*", "<sip:a@h>;expires=0"), {"expires": "0"}),
     (("<sip:x@h>", "nonsense"), {}), (("<sip:x@h>;expires=x",), {})],
)  # fmt: skip
def test_what_makes_no_sense_changes_nothing(contacts: tuple[str, ...], fields: dict[str, str]) -> None:
    bindings = Bindings()
    register(bindings, "<sip:a@h>")
    before = bindings.of(USER, 0)
    with pytest.raises(SipError):
        register(bindings, *contacts, cseq=2, **fields)
    assert bindings.of(USER, 0) == before


def test_too_brief_is_refused_wholly() -> None:
    bindings = Bindings(120)
    with pytest.raises(TooBriefError) as caught:
        register(bindings, "<sip:a@h>;expires=600", "<sip:b@h>;expires=119")
    assert caught.value.least_s == 120
    assert bindings.of(USER, 0) == []


def test_an_earlier_request_that_comes_late_is_refused_the_same_again_is_not_and_another_call_id_may() -> None:
    bindings = Bindings()
    register(bindings, "<sip:a@h>;expires=600", cseq=5)
    assert register(bindings, "<sip:a@h>;expires=600", cseq=5) == ["sip:a@h"]
    with pytest.raises(SipError):
        register(bindings, "<sip:a@h>;expires=0", cseq=4)
    assert len(bindings.of(USER, 0)) == 1
    assert register(bindings, "<sip:a@h>;expires=0", cseq=1, call_id="after a restart") == []


def test_contacts_are_bounded() -> None:
    bindings = Bindings()
    with pytest.raises(SipError):
        register(bindings, *(f"<sip:{number}@h>" for number in range(MAX_CONTACTS + 1)))
    assert bindings.of(USER, 0) == []


def test_who_loses_power_again_and_again_is_let_in_each_time_and_found_by_the_last_contact() -> None:
    bindings = Bindings()
    for start in range(3 * MAX_CONTACTS):
        contact, now_ms = f"sip:start{start}@h", 1000 * start
        found = register(bindings, f"<{contact}>;expires=3600", call_id=str(start), now_ms=now_ms)
        assert found[0] == contact
        assert len(found) == min(start + 1, MAX_CONTACTS)
    brief = register(bindings, "<sip:brief@h>;expires=60", call_id="brief", now_ms=100_000)
    assert "sip:brief@h" in brief
    assert contact in brief
    assert len(brief) == MAX_CONTACTS
