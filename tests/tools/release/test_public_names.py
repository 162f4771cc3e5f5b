"""Public names become short where nothing else knows them, and two never become one where they meet."""

from __future__ import annotations

import ast
from itertools import combinations

import pytest

from boards import catalogue
from tests.conftest import RunMicroPython
from tools.release import build
from tools.release.public_names import short_names, with_short_names

LINE = b"""
LIMIT_MS = 5

class Line:
    def __init__(self, ringing):
        self.ringing = ringing
        self.lamp_on = False

    def hook_off(self, now_ms):
        hidden = self.lamp_on
        return hidden, now_ms, self.ringing

class LineBusyError(Exception):
    pass
"""
CALL = b"""
from line import LIMIT_MS, Line, LineBusyError

class Call:
    def __init__(self):
        self.waiting_tone = "stutter_tone"

    def close(self):
        self.stutter_tone = LIMIT_MS
        line = Line(3)
        line.lamp_on = True
        return line.hook_off(now_ms=4), self.stutter_tone, self.waiting_tone
"""
MODULES = {"line.py": LINE, "call.py": CALL}


def test_what_only_our_modules_know_becomes_short() -> None:
    short = short_names(MODULES, ())
    assert {"LIMIT_MS", "Line", "Call", "ringing", "lamp_on", "hook_off", "waiting_tone"} == set(short)


def test_what_others_know_keeps_its_name() -> None:
    kept = {"close", "now_ms", "stutter_tone", "LineBusyError", "__init__", "self"}  # runtime, call, text, traceback
    assert not kept & set(short_names(MODULES, ()))
    assert "lamp_on" not in short_names(MODULES, [b"lamp_on = 1"])  # the boot stage


def test_the_program_does_the_same(micropython: RunMicroPython) -> None:
    short = short_names(MODULES, ())
    line, call = (with_short_names(source, short).decode() for source in (LINE, CALL))
    assert "hook_off" not in line + call
    for text in (
        (LINE + CALL.replace(b"from line import LIMIT_MS, Line, LineBusyError", b"")).decode(),
        line + "\n".join(row for row in call.splitlines() if not row.startswith("from")),
    ):
        name = short["Call"] if text.startswith(line) else "Call"
        assert micropython(text + f"\nprint({name}().close())").strip() == "((True, 4, 3), 5, 'stutter_tone')"


def test_no_two_names_of_the_firmware_that_meet_become_one() -> None:
    board = catalogue.load("simulated")
    sources = build.sources_of(board, build.REPOSITORY, "IMAGE")
    boot = build.sources_of(board, build.REPOSITORY, "BOOT_ROM")
    short = short_names(sources, boot.values())
    assert len(set(short.values())) < len(short) / 4
    for source in sources.values():
        tree = ast.parse(source)
        bare = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for scope in (bare, *(_attributes_of(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef))):
            for one, other in combinations(sorted(scope & set(short)), 2):
                assert short[one] != short[other], (one, other)


def _attributes_of(node: ast.ClassDef) -> set[str]:
    inside = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    return inside | {n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_one_more_name_moves_few_others() -> None:
    before = short_names(MODULES, ())
    after = short_names({**MODULES, "line.py": LINE + b"\ndef one_more():\n    pass\n"}, ())
    assert sum(before[name] != after[name] for name in before) <= 2


def test_a_source_that_uses_a_short_name_itself_is_refused() -> None:
    taken = next(iter(short_names({"line.py": LINE}, ()).values()))
    with pytest.raises(ValueError, match=taken):
        short_names({"line.py": LINE + f"\n{taken} = 1\n".encode()}, [taken.encode()])
