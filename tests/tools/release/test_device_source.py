"""What the compiler gets does the same, with fewer names."""

from __future__ import annotations

from typing import Any

from tools.release.device_source import for_device, keywords

SOURCE = b'''"""A module."""
import sys

_STEP = 1 << 2
_table = [1]
PUBLIC = _STEP


class Counter:
    def __init__(self):
        self._count = _STEP
        self.seen = sys.implementation._mpy if False else 0

    def _add(self, _count=1):
        """Adds to self._count."""
        self._count += _count
        return self._count


def run():
    _ = Counter()
    _add = _._add
    return _add(_count=2) + len(_table), "_count"
'''


def test_private_names_become_short_and_the_program_stays_the_same() -> None:
    made = for_device(SOURCE, frozenset({"_count"})).replace(b"const(", b"(")
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    exec(compile(SOURCE, "before", "exec"), before)
    exec(compile(made, "after", "exec"), after)
    assert before["run"]() == after["run"]() == (7, "_count")  # type: ignore[operator]
    assert after["PUBLIC"] == 4


def test_only_names_the_module_defines_are_changed() -> None:
    made = for_device(SOURCE, frozenset({"_count"})).decode()
    assert "sys.implementation._mpy" in made
    assert "self.__init__" not in made
    assert "def __init__(self)" in made
    assert "self._1 = _STEP" in made or "self._2 = _STEP" in made or "self._3 = _STEP" in made
    assert '"_count"' in made
    assert "Adds to self._count." in made


PARAMETERS = b'''"""A module."""
import limits

size = 3


def scale(value, factor, size=size, limit=limits.value):
    def inner(value):
        return value * factor

    return inner(value) + size + (limit if limit else limits.value), [value for value in (factor,)]


def run():
    return scale(2, 5, limit=1), scale(1, 2, 0)
'''


def test_parameters_that_no_call_names_become_short() -> None:
    named = keywords([PARAMETERS])
    made = for_device(PARAMETERS, named)
    assert named == {"limit"}
    assert b"def scale(_1, _2, size=size, limit=limits.value):" in made
    results = []
    for source in (PARAMETERS, made):
        names: dict[str, Any] = {}
        exec(compile(source.replace(b"import limits", b"class limits:\n    value = 7"), "module", "exec"), names)
        results.append(names["run"]())
    assert results[0] == results[1] == ((14, [5]), (9, [2]))


def test_a_module_that_hands_over_a_dict_keeps_its_parameters() -> None:
    source = b"def f(value):\n    return value\n\n\ndef g():\n    return f(**{'value': 1})\n"
    assert for_device(source, ()) == source


def test_lines_stay_where_they_are() -> None:
    assert for_device(SOURCE, frozenset({"_count"})).count(b"\n") == SOURCE.count(b"\n")


def test_private_constants_are_folded() -> None:
    assert b"_STEP = const(1 << 2)\n" in for_device(SOURCE, frozenset({"_count"}))


def test_what_is_no_python_is_left_to_the_compiler() -> None:
    assert for_device(b"def (", ()) == b"def ("
