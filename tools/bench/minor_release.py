"""Minor releases made by script: what a typical one changes in the firmware's sources, the same way each time.

The deltas' sizes are measured on pairs of images: the present sources, and these after each of SCRIPTS.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.release.build import REPOSITORY, build_image

BOARD = "simulated"
_PARTS = ("firmware", "protocol")
_CONSTANT = re.compile(r"^(_?[A-Z][A-Z_]+ = )(\d[\d_]*)(?= *(?:#.*)?$)", re.MULTILINE)
_RAISED = re.compile(r'(raise \w+Error\(\s*")')
_CALL = re.compile(r"\bself\.(?!_)(\w+)\(")


@dataclass(frozen=True, slots=True)
class ImagePair:
    """A release's image and the one that runs before it; `name` says what came between."""

    name: str
    base: bytes
    image: bytes


def pairs(folder: Path) -> list[ImagePair]:
    """One pair a script; `folder` is empty and takes the edited sources."""
    base = build_image(BOARD, "1.0.0", 1)
    made = []
    for name, script in SCRIPTS.items():
        source = folder / name
        for part in _PARTS:
            shutil.copytree(REPOSITORY / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        script(_modules(source))
        made.append(ImagePair(name, base, build_image(BOARD, "1.1.0", 2, source=source)))
    return made


def _modules(source: Path) -> list[Path]:
    """The modules that are more than a few lines, in order."""
    folders = (source / "firmware" / "adapter", source / "protocol" / "wire")
    return [path for folder in folders for path in sorted(folder.rglob("*.py")) if path.stat().st_size > 1000]


def _fixes(modules: Sequence[Path]) -> None:
    """Limits are moved, messages say more, a value is checked once more."""
    _edit(modules[::4], lambda text: _CONSTANT.sub(_one_more, text))
    _edit(modules[1::5], lambda text: _RAISED.sub(r"\1now ", text))
    _edit(modules[2::6], lambda text: _with_checks(text, 2))


def _feature(modules: Sequence[Path]) -> None:
    """A module is new, and many others call it."""
    donor = modules[len(modules) // 2]
    text = re.sub(r"\b(def|class) (_?)(\w{4,})", r"\1 \2tone_\3", donor.read_text())
    donor.with_name("tone_plan.py").write_text(text.replace("self.", "self.tone_"))
    _edit(modules[::3], lambda text: _with_function(text, "tone_plan"))


def _rework(modules: Sequence[Path]) -> None:
    """A method has another name everywhere, functions stand in another order, one is gone."""
    text = "".join(path.read_text() for path in modules)
    called = sorted(set(_CALL.findall(text)), key=lambda name: (-text.count(f"{name}("), name))
    for old in called[:3]:
        _edit(modules, lambda text, old=old: re.sub(rf"\b{old}\b", f"{old}_again", text))
    _edit(modules[1::7], _reordered)
    _edit(modules[3::8], _without_last_function)


SCRIPTS: dict[str, Callable[[Sequence[Path]], None]] = {"fixes": _fixes, "feature": _feature, "rework": _rework}


def _edit(modules: Sequence[Path], edited: Callable[[str], str]) -> None:
    for path in modules:
        path.write_text(edited(path.read_text()))


def _one_more(found: re.Match[str]) -> str:
    return f"{found[1]}{int(found[2]) + 1}"


def _functions(text: str) -> Iterator[tuple[int, int, ast.FunctionDef]]:
    """First and last line (from 1) of each top-level function, and the function."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            yield node.lineno, node.end_lineno, node


def _with_checks(text: str, count: int) -> str:
    """The last `count` functions look at their first argument first."""
    lines = text.splitlines(keepends=True)
    checked = [node for _, _, node in _functions(text) if node.args.args][-count:]
    for node in reversed(checked):
        argument = node.args.args[0].arg
        lines.insert(
            node.body[-1].lineno - 1, f"    if {argument} is None:\n        raise ValueError('no {argument}')\n"
        )
    return "".join(lines)


def _with_function(text: str, module: str) -> str:
    return (
        f"{text}\n\ndef planned_by_tone(value, limit=20):\n"
        f"    from adapter import {module}\n\n"
        f"    for step in range(limit):\n        if {module}.step_of(value) > step:\n            return step, value\n"
        f"    return None\n"
    )


def _reordered(text: str) -> str:
    """The last two functions change places."""
    lines = text.splitlines(keepends=True)
    spans = [(begin - 1, end) for begin, end, _ in _functions(text)][-2:]
    if len(spans) < 2:
        return text
    (a, b), (c, d) = spans
    return "".join(lines[:a] + lines[c:d] + lines[b:c] + lines[a:b] + lines[d:])


def _without_last_function(text: str) -> str:
    lines = text.splitlines(keepends=True)
    spans = [(begin - 1, end) for begin, end, _ in _functions(text)]
    if not spans:
        return text
    begin, end = spans[-1]
    return "".join(lines[:begin] + lines[end:])
