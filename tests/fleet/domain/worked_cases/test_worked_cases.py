"""Every worked case comes out as the rules say; there are as many as issue 4 asks for, and none stands twice."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.equipment_oracle import RefusedError
from tests.fleet.domain.worked_cases import er1, er2, er3, er3_table, er4, er5, er8
from tests.fleet.domain.worked_cases.case import REFUSED, Case

SECTIONS = {"1": er1, "2": er2, "3": er3, "4": er4, "5": er5, "8": er8}
OURS = [case for section in SECTIONS.values() for case in section.CASES]
AT_LEAST = 100


@pytest.mark.parametrize("case", [*er3_table.CASES, *OURS], ids=lambda case: f"ER {case.rule}: {case.facts}"[:90])
def test_it_comes_out_as_the_rules_say(case: Case) -> None:
    try:
        found = case.asked()
    except RefusedError:
        found = REFUSED
    assert found == case.expected, f"ER {case.rule}: {case.facts}"


def test_there_are_as_many_as_asked_for_over_all_sections_and_none_twice() -> None:
    assert len(OURS) >= AT_LEAST
    assert len(er3_table.CASES) == 10  # the table's rows, the first of them with two dates
    assert [facts for facts, times in Counter(case.facts for case in OURS).items() if times > 1] == []
    for number, section in SECTIONS.items():
        assert {case.rule.partition(".")[0].partition(" ")[0] for case in section.CASES} == {number}
