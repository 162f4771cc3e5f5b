"""A profile that is accepted fits the wire; one that does not is refused with what is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter import dial_plan
from fleet.domain.errors import InvalidError
from fleet.domain.voice_account import VoiceAccount, new_password
from fleet.domain.voice_profile import (
    MediaSecurity,
    NameServer,
    Registrar,
    Transport,
    VoiceProfile,
    check_profile,
    is_digit_map,
)
from fleet.services.voice_accounts import voice_row
from protocol.wire.messages import pack, unpack

GOOD = VoiceProfile("voice.example.com", (Registrar("sip.example.com"),))
SETTINGS = {
    "config_version": 1, "heartbeat_s": 60, "channel": 0, "maintenance_from_s": 0, "maintenance_until_s": 0,
    "line_allowed": 1, "update_mirrors": [], "line_level": 3,
}  # fmt: skip
TEXT = st.text(max_size=210)
HOST = TEXT | st.from_regex(r"\A[a-z0-9.:-]{1,70}\Z")
PORT = st.integers(-1, 65537)
PROFILES = st.builds(
    VoiceProfile,
    domain=HOST,
    registrars=st.lists(st.builds(Registrar, HOST, PORT, st.sampled_from(Transport)), max_size=5).map(tuple),
    realm=TEXT,
    country=TEXT | st.just("US"),
    emergency=st.lists(TEXT | st.from_regex(r"\A[0-9*#]{2,20}\Z"), max_size=6).map(tuple),
    dial_plan=TEXT,
    codecs=st.lists(st.sampled_from(("PCMU", "PCMA", "opus")), max_size=3).map(tuple),
    ptime_ms=st.integers(-1, 256),
    registration_s=st.integers(0, 7300),
    media_security=st.sampled_from(MediaSecurity),
    mailbox=TEXT | st.just("{user}" * 5),
    dns=st.lists(st.builds(NameServer, HOST, PORT), max_size=3).map(tuple),
)


@given(st.fixed_dictionaries({}, optional={name: st.just(name) for name in VoiceProfile.__slots__}), PROFILES)
def test_what_is_accepted_can_be_told_to_a_unit(changed: dict[str, str], drawn: VoiceProfile) -> None:
    values: dict[str, Any] = {name: getattr(drawn, name) for name in changed}
    profile = replace(GOOD, **values)
    try:
        check_profile(profile)
    except InvalidError:
        return
    row = voice_row(VoiceAccount("PT000000018", "", "+123456789012345", new_password()), profile)
    sent = pack("configuration", {**SETTINGS, "voice": [row]})
    assert unpack(sent).values["voice"] == [row]


PARTS = st.sampled_from(("x", "x.", "[2-9]", "[95-1]", "[02-4]", "11", "|", "T", "*", "."))
PLANS = st.text("xX0159-*#[]().|tTabd ", max_size=14) | st.lists(PARTS, max_size=8).map("".join)


@given(
    PLANS
    | st.lists(st.sampled_from(("x", "x.", "[2-9]", "[95-1]", "[02-4]", "11", "|", "T", "*", ".")), max_size=8).map(
        "".join
    )
)
@example("[2-9]xxxxxxxxx|[2-9]11|011x.T|(x)")
@example("( [2-9] 11 | x.T )")
def test_a_dial_plan_is_taken_here_if_a_unit_takes_it(plan: str) -> None:
    try:
        dial_plan.checked(plan)
    except dial_plan.DialPlanError:
        assert not is_digit_map(plan)
    else:
        assert is_digit_map(plan)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"domain": ""}, "domain is a host name"),
        ({"domain": "a b"}, "domain is a host name"),
        ({"domain": "a" * 65}, "at most 64"),
        ({"realm": 'a"b'}, "without quotes"),
        ({"registrars": ()}, "1 to 4 registrars"),
        ({"registrars": tuple(Registrar("a", port) for port in range(5))}, "1 to 4 registrars"),
        ({"registrars": (Registrar("a"), Registrar("a"))}, "stands there once"),
        ({"registrars": (Registrar("-a"),)}, "a host is"),
        ({"registrars": (Registrar("a", 65536),)}, "0 to 65535, got 65536"),
        ({"dns": (NameServer("192.0.2.1", 0),)}, "1 to 65535, got 0"),
        ({"dns": (NameServer("a"), NameServer("b"), NameServer("c"))}, "at most 2 name servers"),
        ({"country": "us"}, "two capital letters"),
        ({"emergency": ()}, "at least one number"),
        ({"emergency": ("nine",)}, "at least one number"),
        ({"emergency": ("1" * 16,) * 4}, "64 characters together"),
        ({"dial_plan": "\n"}, "dial_plan is printable"),
        ({"dial_plan": "[9-2]x"}, "dial_plan is a digit map"),
        ({"codecs": ()}, "codecs are some of"),
        ({"codecs": ("PCMU", "PCMU")}, "each once"),
        ({"codecs": ("opus",)}, "PCMU, PCMA"),
        ({"ptime_ms": 15}, "10, 20, 30"),
        ({"registration_s": 59}, "60 to 7200"),
        ({"registration_s": 7201}, "60 to 7200"),
        ({"mailbox": "{user}{user}{user}{user}+"}, "at most 64"),
    ],
)
def test_what_is_wrong_is_said(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        check_profile(replace(GOOD, **changed))
