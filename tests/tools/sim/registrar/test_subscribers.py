"""The list of subscribers: both forms of the fleet's, read again when it changes, and never half."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.tools.sim.registrar.network import ALICE_USER, BOB_USER, subscriber
from tools.sim.registrar.subscribers import COLUMNS, SubscriberError, SubscriberFile, read_lines

ALICE, BOB = subscriber(ALICE_USER), subscriber(BOB_USER, "emergency_only")


def as_csv(*subscribers: object) -> str:
    rows = [COLUMNS, *([asdict(each)[name] for name in COLUMNS] for each in subscribers)]  # type: ignore[call-overload]
    return "".join(",".join(row) + "\r\n" for row in rows)


def as_json(*subscribers: object) -> str:
    return "".join(json.dumps(asdict(each)) + "\n" for each in subscribers)  # type: ignore[call-overload]


@pytest.mark.parametrize("form", [as_csv, as_json])
def test_both_forms_say_the_same(form: object) -> None:
    text = form(ALICE, BOB)  # type: ignore[operator]
    assert read_lines(text.splitlines(keepends=True)) == {ALICE_USER: ALICE, BOB_USER: BOB}


def test_the_fleets_own_form_is_read() -> None:
    from fleet.services.voice import COLUMNS as EXPORTED

    assert set(COLUMNS) == set(EXPORTED)


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        ("+78125550100", False),
        ("01178125550100", False),
        ("+77125550100", True),
        ("+77725550100", False),
        ("+12125550100", True),
        ("911", True),
        ("*43", True),
    ],
)
def test_the_longest_rule_says_what_may_be_called(number: str, allowed: bool) -> None:
    barred = replace(ALICE, barred="+7 !+76 !+77 +777")
    assert barred.may_call(number) is allowed
    assert ALICE.may_call(number)


@pytest.mark.parametrize(
    "text", ["serial,user\nPT1,5\n", '{"serial": "PT1"}\n', "{nonsense\n", "serial,user\nPT1\n", "[1]\n2\n"]
)
def test_a_list_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(SubscriberError):
        read_lines(text.splitlines(keepends=True))


def test_an_empty_list_lets_nobody_in() -> None:
    assert read_lines([]) == {}


def test_the_file_is_read_again_when_it_has_changed_and_what_was_stays_when_it_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "subscribers.csv"
    read = SubscriberFile(path)
    assert read() is None
    assert str(path) in read.fault
    path.write_text(as_csv(ALICE))
    assert read() == {ALICE_USER: ALICE}
    assert read() is None
    path.write_text(as_csv(ALICE, BOB)[:-60])  # somebody is writing it
    assert read() is None
    assert read.fault
    path.write_text(as_csv(ALICE, BOB))
    assert read() == {ALICE_USER: ALICE, BOB_USER: BOB}
    assert not read.fault


def test_a_digest_is_never_printed() -> None:
    assert ALICE.ha1_md5 not in repr(ALICE)
    assert ALICE.user not in repr(ALICE)
