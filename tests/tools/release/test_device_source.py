"""What the compiler gets does the same, with fewer names."""

from __future__ import annotations

from tools.release.device_source import for_device

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
    made = for_device(SOURCE).replace(b"const(", b"(")
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    exec(compile(SOURCE, "before", "exec"), before)
    exec(compile(made, "after", "exec"), after)
    assert before["run"]() == after["run"]() == (7, "_count")  # type: ignore[operator]
    assert after["PUBLIC"] == 4


def test_only_names_the_module_defines_are_changed() -> None:
    made = for_device(SOURCE).decode()
    assert "sys.implementation._mpy" in made
    assert "self.__init__" not in made
    assert "def __init__(self)" in made
    assert "self._1 = _STEP" in made or "self._2 = _STEP" in made or "self._3 = _STEP" in made
    assert '"_count"' in made
    assert "Adds to self._count." in made


def test_lines_stay_where_they_are() -> None:
    assert for_device(SOURCE).count(b"\n") == SOURCE.count(b"\n")


def test_private_constants_are_folded() -> None:
    assert b"_STEP = const(1 << 2)\n" in for_device(SOURCE)


def test_what_is_no_python_is_left_to_the_compiler() -> None:
    assert for_device(b"def (") == b"def ("
