"""Every revision is judged by itself and all together; evidence and plain shares say why with their numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.rollout_evidence import Arm, Evidence
from fleet.domain.rollout_stop import ALL_REVISIONS, MAX_REVISIONS, OTHERS, EvidenceRule, PlainRule, stops

NONE = Evidence()
SOUND = NONE.look(0, Arm(125, 1), Arm(1250, 6))
HARM = NONE.look(0, Arm(125, 13), Arm(1250, 6))
RULE = EvidenceRule()


def test_the_bad_revision_of_four_is_named_with_its_numbers() -> None:
    finding = stops({"revision 1": SOUND, "revision 2": HARM, "revision 3": SOUND, OTHERS: NONE}, RULE)
    assert finding is not None
    assert finding.subject == "revision 2"
    assert "revision 2: 13 of 125 failed with the release, 6 of 1250 without" in finding.reason
    assert "points more, the limit is 0.25" in finding.reason


def test_what_no_revision_shows_alone_all_show_together() -> None:
    some = NONE.look(0, Arm(125, 6), Arm(1250, 6))
    finding = stops({f"revision {number}": some for number in range(4)}, RULE)
    assert finding is not None
    assert finding.subject == ALL_REVISIONS
    assert stops({"revision 1": some}, RULE) is None


def test_sound_releases_go_on() -> None:
    assert stops({"revision 1": SOUND, OTHERS: NONE}, RULE) is None
    assert stops({}, RULE) is None
    assert stops({"revision 1": HARM}, None) is None


def test_an_excess_below_the_limit_goes_on() -> None:
    assert stops({"revision 1": HARM}, replace(RULE, limit=0.08)) is None


def test_nothing_is_said_of_fewer_failures_than_the_minimum() -> None:
    assert stops({"revision 1": HARM}, replace(RULE, minimum=13)) is not None
    assert stops({"revision 1": HARM}, replace(RULE, minimum=14)) is None


def test_a_false_alarm_is_divided_among_the_revisions() -> None:
    few = NONE.look(0, Arm(125, 6), Arm(1250, 3))
    assert stops({"revision 1": few}, RULE) is not None
    assert stops({"revision 1": few} | {f"revision {number}": NONE for number in range(2, 60)}, RULE) is None


@pytest.mark.parametrize(("share", "minimum", "stopped"), [(0.1, 125, True), (0.11, 1, False), (0.1, 126, False)])
def test_a_plain_share_of_failures_stops_without_evidence(share: float, minimum: int, stopped: bool) -> None:
    finding = stops({"revision 1": HARM}, None, PlainRule(share, minimum))
    assert (finding is not None) is stopped
    if finding is not None:
        assert finding.reason == "revision 1: 13 of 125 failed with the release, the limit is 10 %"


def test_a_plain_share_is_asked_where_evidence_says_nothing() -> None:
    finding = stops({"revision 1": HARM}, replace(RULE, limit=0.5), PlainRule(0.01, 1))
    assert finding is not None
    assert "the limit is 1 %" in finding.reason


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: EvidenceRule(limit=1.0), "excess_limit_percent is 100, allowed is 0 to less than 100"),
        (lambda: EvidenceRule(false_alarm=0.0), "false_alarm_percent is 0, allowed is between 0 and 100"),
        (lambda: EvidenceRule(minimum=0), "minimum_failures is 0, allowed is 1 or more"),
        (lambda: PlainRule(0.0, 1), "failed_percent is 0, allowed is more than 0, at most 100"),
        (lambda: PlainRule(0.5, 0), "minimum_units is 0, allowed is 1 or more"),
        (lambda: stops(dict.fromkeys(map(str, range(MAX_REVISIONS + 1)), NONE), RULE), "at most 64 revisions, got 65"),
    ],
)
def test_a_rule_out_of_range_says_what_is_allowed(make: object, said: str) -> None:
    with pytest.raises(InvalidError) as refused:
        make()  # type: ignore[operator]
    assert said in str(refused.value)
