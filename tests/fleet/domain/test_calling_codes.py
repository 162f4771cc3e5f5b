"""Which country a number is in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.calling_codes import COUNTRY_OF_PREFIX, COUNTRY_PREFIXES, checked_country, country_of
from fleet.domain.errors import InvalidError


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+12125550100", "US"),
        ("+18765550100", "JM"),
        ("+16585550100", "JM"),
        ("+14165550100", "CA"),
        ("+78125550100", "RU"),
        ("+77125550100", "KZ"),
        ("+442079460100", "GB"),
        ("+441534960100", "JE"),
        ("+5355501000", "CU"),
        ("+59995550100", "CW"),
        ("+5997950100", "BQ"),
        ("+390669812345", "VA"),
        ("+88216550100", ""),  # Thuraya: a satellite's, no country's
        ("+97955501000", ""),
    ],
)
def test_the_longest_code_says_the_country(number: str, country: str) -> None:
    assert country_of(number) == country


def test_every_code_is_of_one_country_and_every_first_digit_leads_somewhere() -> None:
    assert sum(map(len, COUNTRY_PREFIXES.values())) == len(COUNTRY_OF_PREFIX)
    assert all(len(country) == 2 and country.isupper() for country in COUNTRY_PREFIXES)
    assert len(COUNTRY_PREFIXES) > 230


@given(st.sampled_from(sorted(COUNTRY_OF_PREFIX)), st.text("0123456789", min_size=5, max_size=8))
def test_a_number_is_in_the_country_of_the_longest_code_it_begins_with(prefix: str, rest: str) -> None:
    number = prefix + rest
    codes = [code for code in COUNTRY_OF_PREFIX if number.startswith(code)]  # all of them, one by one
    assert country_of(number) == COUNTRY_OF_PREFIX[max(codes, key=len)]


def test_a_country_is_two_letters_that_have_numbers() -> None:
    assert checked_country(" cu ") == "CU"
    for text in ("Cuba", "ZZ", "", "+53"):
        with pytest.raises(InvalidError, match="two letters"):
            checked_country(text)
