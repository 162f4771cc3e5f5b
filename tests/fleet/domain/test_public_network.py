"""Which network an address is of: by the operator's table, else coarse, and none for a private one."""

from __future__ import annotations

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.public_network import (
    MAX_NETWORK_CHARACTERS,
    KnownPrefix,
    Whereabouts,
    check_country,
    known_prefix,
    prefixes_of,
    whereabouts,
)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.4.4", "8.8.0.0/16"),
        ("8.8.200.1", "8.8.0.0/16"),  # the provider's next lease is no move
        ("2606:4700::1111", "2606:4700::/32"),
        ("::ffff:8.8.8.8", "8.8.0.0/16"),  # as a listener for both kinds writes it
        ("127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("192.168.1.2", ""),
        ("100.64.0.1", ""),  # behind the provider's own translation
        ("fe80::1", ""),
        ("", ""),
        ("localhost", ""),
    ],
)
def test_without_a_table_public_networks_are_told_apart_coarsely(address: str, network: str) -> None:
    assert whereabouts(address, None) == Whereabouts(network, "")


def test_the_table_gives_the_country_and_may_name_the_network() -> None:
    assert whereabouts("8.8.4.4", KnownPrefix("8.8.0.0/16", "US")) == Whereabouts("8.8.0.0/16", "US")
    named = KnownPrefix("8.8.0.0/16", "US", "AS64500 Springfield")
    assert whereabouts("8.8.4.4", named) == Whereabouts("AS64500 Springfield", "US")
    assert whereabouts("10.1.2.3", KnownPrefix("10.0.0.0/8", "US", "office")) == Whereabouts("office", "US")


def test_prefixes_come_longest_first_and_hold_the_address() -> None:
    found = prefixes_of("192.0.2.77")
    assert (found[0], found[8], found[-1], len(found)) == ("192.0.2.77/32", "192.0.2.0/24", "0.0.0.0/0", 33)
    assert len(prefixes_of("2001:db8::1")) == 129
    assert prefixes_of("::ffff:192.0.2.77") == found
    assert prefixes_of("nowhere") == []


def test_a_row_is_kept_as_it_is_looked_for() -> None:
    row = known_prefix(" 2001:DB8:0::/32 ", " us ", " AS64500 ")
    assert row == KnownPrefix("2001:db8::/32", "US", "AS64500")


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (("192.0.2.1/24", "US", ""), "has host bits set"),
        (("here", "US", ""), "a prefix is written like"),
        (("192.0.2.0/24", "USA", ""), "two letters"),
        (("192.0.2.0/24", "", ""), "two letters"),
        (("192.0.2.0/24", "US", "x" * (MAX_NETWORK_CHARACTERS + 1)), "at most 64 characters, got 65"),
    ],
)
def test_a_row_that_says_nothing_is_refused(cells: tuple[str, str, str], why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        known_prefix(*cells)


def test_a_country_has_two_letters() -> None:
    assert check_country("cu") == "CU"
    with pytest.raises(InvalidError, match="'C1'"):
        check_country("C1")
