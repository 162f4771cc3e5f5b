"""What an account may not call, and the rules the proxy is given (ER 7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.calling_codes import COUNTRY_OF_PREFIX, COUNTRY_PREFIXES, country_of
from fleet.domain.destination_block import (
    BlockedBy,
    Destination,
    DestinationBlock,
    ProxyRule,
    check_in_force,
    check_new,
    destination,
    is_blocked,
    proxy_rules,
    rules_text,
)
from fleet.domain.errors import ConflictError, InvalidError

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
CUBA, SATELLITE = destination("CU"), destination("+8821")
BLOCK = DestinationBlock(1, 7, CUBA, "fraud", "PE-1", AT)


def test_a_destination_is_a_range_or_a_country() -> None:
    assert (Destination(BlockedBy.COUNTRY, "CU"), Destination(BlockedBy.PREFIX, "+8821")) == (CUBA, SATELLITE)
    assert destination(" cu ") == CUBA
    for text in ("Cuba", "8821", "+", "", "+18765550100"):
        with pytest.raises(InvalidError):
            destination(text)


def test_the_proxy_is_told_the_prefixes_of_a_country() -> None:
    assert proxy_rules([]) == []
    assert proxy_rules([CUBA, SATELLITE, destination("JM")]) == [
        ProxyRule("+1658", blocked=True),
        ProxyRule("+1876", blocked=True),
        ProxyRule("+53", blocked=True),
        ProxyRule("+8821", blocked=True),
    ]


def test_countries_within_a_blocked_ones_code_stay_open_unless_they_are_blocked_too() -> None:
    russia = proxy_rules([destination("RU")])
    assert rules_text(russia) == "+7 !+76 !+77"
    assert russia == [ProxyRule("+7", True), ProxyRule("+76", False), ProxyRule("+77", False)]
    both = proxy_rules([destination("RU"), destination("KZ")])
    assert [is_blocked(number, both) for number in ("+78125550100", "+77125550100")] == [True, True]
    part = proxy_rules([destination("RU"), destination("+771")])
    assert [is_blocked(number, part) for number in ("+77125550100", "+77225550100")] == [True, False]
    whole = proxy_rules([destination("RU"), destination("+7")])
    assert [is_blocked(number, whole) for number in ("+77125550100", "+78125550100")] == [True, True]


def test_short_numbers_are_under_no_rule_even_with_the_whole_world_blocked() -> None:
    everything = proxy_rules([destination(f"+{digit}") for digit in range(1, 10)])
    assert [is_blocked(number, everything) for number in ("911", "112", "*69", "411")] == [False] * 4


PREFIXES = st.one_of(st.sampled_from(sorted(COUNTRY_OF_PREFIX)), st.text("17", min_size=1, max_size=5).map("+".__add__))
BLOCKS = st.sets(
    st.one_of(PREFIXES, st.sampled_from(["US", "CA", "JM", "RU", "KZ", "CU", "GB", "JE", *COUNTRY_PREFIXES])),
    max_size=6,
)


@given(BLOCKS, PREFIXES, st.text("0123456789", min_size=4, max_size=7))
def test_the_proxys_rules_say_what_the_blocks_say(names: set[str], prefix: str, rest: str) -> None:
    number = prefix + rest
    by_hand = country_of(number) in names or any(number.startswith(name) for name in names if name[0] == "+")
    assert is_blocked(number, proxy_rules([destination(name) for name in names])) == by_hand


def test_a_block_is_made_once_and_lifted_once() -> None:
    check_new(SATELLITE, [BLOCK])
    with pytest.raises(ConflictError, match="CU is blocked already: DB-1"):
        check_new(CUBA, [BLOCK])
    check_in_force(BLOCK)
    with pytest.raises(ConflictError, match="DB-1 was lifted already, by PE-2"):
        check_in_force(replace(BLOCK, lifted_at=AT, lifted_by="PE-2"))
