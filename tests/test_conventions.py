"""The rules of the house notice what they are there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import conventions

LONG_FUNCTION = '"""A module."""\n\n\ndef f() -> None:\n' + "    x = 1\n" * 41


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("long.py", '"""A module."""\n' + "x = 1\n" * 400, "401 lines"),
        ("utils.py", '"""A module."""\n', "a name that says nothing"),
        ("bare.py", "x = 1\n", "no docstring"),
        ("function.py", LONG_FUNCTION, "function f has 41 lines"),
    ],
)
def test_a_module_that_breaks_a_rule_is_named(name: str, text: str, fault: str) -> None:
    assert any(fault in found for found in conventions.faults_of_module(Path(name), text))


@pytest.mark.parametrize("text", ["index: https://py" + "pi.org/simple", "see /ro" + "ot/.cache", "/wor" + "k/x"])
def test_hosts_of_registries_and_paths_of_this_machine_are_found(text: str) -> None:
    assert conventions.faults_of_text(text)


def test_an_import_inside_a_function_is_seen() -> None:
    assert conventions.imports_of("def f():\n    import socket\n    from time import sleep\n") == {"socket", "time"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("from adapter.x import _move\n", "imports the private _move"),
        ("def f(session):\n    return session._journal\n", "line 2 uses _journal"),
        ("from adapter.x import move\n\nmove(**{})\n", "line 3 hands a dict"),
        ("flash.partition('slot_a').erase(offset=0)\n", "line 1 names an argument of erase"),
        ("class A(Base):\n    pass\n", "A inherits from Base"),
    ],
)
def test_a_private_name_of_another_device_module_is_found(text: str, fault: str) -> None:
    assert conventions.faults_on_device(text)[0].startswith(fault)


def test_own_private_names_are_no_fault() -> None:
    assert not conventions.faults_on_device("class A:\n    def f(self, b):\n        self._x = b._x\n")


def test_the_tree_keeps_the_rules() -> None:
    assert conventions.main() == 0
