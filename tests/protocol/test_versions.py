"""The version rule of docs/protocol.md, with a message that has grown since."""

from typing import Any

import pytest

from protocol.host.table import MESSAGES
from protocol.wire import layouts, messages
from protocol.wire.errors import WireError
from tests.conftest import RunMicroPython

OLD = (200, "weather", 1, (("wind", layouts.U16, 3, 400, 1),))
NEW = (200, "weather", 2, (
    ("wind", layouts.U16, 3, 400, 1),
    ("rain", layouts.U8, 7, 90, 2),
    ("station", layouts.FIXED, 2, 2, 2),
    ("remark", layouts.TEXT, 0, 9, 2),
    ("gusts", layouts.LIST, 0, 9, 2, (("wind", layouts.U16, 0, 400, 2),)),
))  # fmt: skip
NEW_VALUES = {"wind": 5, "rain": 8, "station": b"ab", "remark": "wet", "gusts": [{"wind": 9}]}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wire's table, to which a test may add a type."""
    monkeypatch.setattr(layouts, "TYPES", dict(layouts.TYPES))
    monkeypatch.setattr(layouts, "weather", None, raising=False)
    monkeypatch.setattr(messages, "_last", None)


def know(row: tuple[int, str, int, tuple[object, ...]]) -> None:
    layouts.TYPES[row[0]] = row[1]
    layouts.weather = lambda: row[2:]
    messages._last = None


@pytest.mark.usefixtures("table")
def test_old_end_takes_what_it_knows_of_a_newer_message() -> None:
    know(NEW)
    sent = messages.pack("weather", NEW_VALUES)
    know(OLD)
    assert messages.unpack(sent).values == {"wind": 5}
    assert messages.unpack(sent).version == 2


@pytest.mark.usefixtures("table")
def test_old_end_refuses_a_newer_message_with_a_value_it_does_not_know() -> None:
    know((200, "weather", 2, (("wind", layouts.U16, 3, 999, 1),)))
    sent = messages.pack("weather", {"wind": 999})
    know(OLD)
    with pytest.raises(WireError, match=r"weather\.wind is 999, allowed are 3 to 400"):
        messages.unpack(sent)


@pytest.mark.usefixtures("table")
def test_new_end_takes_least_values_for_what_an_older_message_lacks() -> None:
    know(OLD)
    sent = messages.pack("weather", {"wind": 5})
    know(NEW)
    assert messages.unpack(sent).values == {"wind": 5, "rain": 7, "station": b"\0\0", "remark": "", "gusts": []}


@pytest.mark.usefixtures("table")
def test_new_end_can_send_the_older_version() -> None:
    know(NEW)
    sent = messages.pack("weather", NEW_VALUES, version=1)
    know(OLD)
    assert messages.unpack(sent).values == {"wind": 5}


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("version", [0, 3, True, "1"])
def test_version_nobody_knows_is_not_sent(version: object) -> None:
    know(NEW)
    with pytest.raises(WireError, match=r"weather\.version"):
        messages.pack("weather", NEW_VALUES, version=version)


def test_unknown_type_is_told_from_a_damaged_message() -> None:
    with pytest.raises(messages.UnknownTypeError, match="unknown message type 200"):
        messages.unpack(bytes([200, 1, *range(8)]))


def test_version_rule_holds_under_micropython(micropython: RunMicroPython) -> None:
    script = f"""
from protocol.wire import layouts, messages
OLD, NEW = {OLD!r}, {NEW!r}
def know(row):
    layouts.TYPES[row[0]] = row[1]
    layouts.weather = lambda: row[2:]
    messages._last = None
know(NEW)
new = messages.pack("weather", {NEW_VALUES!r})
know(OLD)
print(messages.unpack(new).values == {{"wind": 5}})
old = messages.pack("weather", {{"wind": 5}})
know(NEW)
got = messages.unpack(old).values
print(got == {{"wind": 5, "rain": 7, "station": b"\\0\\0", "remark": "", "gusts": []}})
"""
    assert micropython(script) == "True\nTrue\n"


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row[1])
def test_table_keeps_the_rules_of_growth(row: tuple[int, str, int, tuple[tuple[Any, ...], ...]]) -> None:
    _, _, version, fields = row
    sinces = [field[4] for field in fields]
    assert sinces == sorted(sinces), "fields are only ever appended"
    assert all(1 <= since <= version for since in sinces)
    for field in fields:
        if field[1] == layouts.LIST:
            assert sinces_in(field[5]) == {field[4]}, "the rows of a list do not grow"
        if field[4] > 1 and field[1] in (layouts.TEXT, layouts.BLOB, layouts.LIST):
            assert field[2] == 0, "an appended text, blob or list may be empty"


def sinces_in(rows: Any) -> set[int]:
    """Since when there are these fields of a list, and those of the lists in it."""
    inner = [sinces_in(row[5]) for row in rows if row[1] == layouts.LIST]
    return {row[4] for row in rows}.union(*inner)


def test_types_and_names_are_used_once() -> None:
    assert len({row[0] for row in MESSAGES}) == len({row[1] for row in MESSAGES}) == len(MESSAGES)
