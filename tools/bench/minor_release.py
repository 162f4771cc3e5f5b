"""Pairs of images as a minor release makes them, to measure deltas on: by script, and from this repository's history.

A script edits a copy of the present sources, the same way each time. The history's pairs are commits some steps of
work apart; a copy of the sources without that history has none.
"""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.release.build import REPOSITORY, build_image

BOARD = "simulated"
HISTORY = (("c1278e1", "30b3ca8"), ("3dfc5ad", "0b606bd"), ("30b3ca8", "6b08f96"))
_PARTS = ("firmware", "protocol")
_GIT_TIMEOUT_S = 30
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


def past_pairs(folder: Path) -> list[ImagePair]:
    """One pair for each of HISTORY that this repository has; `folder` is empty and takes the sources."""
    made = []
    for commits in HISTORY:
        name = "..".join(commits)
        sources = [_checked_out(commit, folder / name / commit) for commit in commits]
        if all(sources):
            images = [build_image(BOARD, f"1.{n}.0", n + 1, source=source) for n, source in enumerate(sources)]
            made.append(ImagePair(name, *images))
    return made


def _checked_out(commit: str, folder: Path) -> Path | None:
    """The sources of images at `commit`, or None if the history does not reach there."""
    done = subprocess.run(
        ["git", "archive", commit, *_PARTS], cwd=REPOSITORY, capture_output=True, check=False, timeout=_GIT_TIMEOUT_S
    )
    if done.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _modules(source: Path) -> list[Path]:
    """The modules that are more than a few lines, in order; none of machine code, which knows no None."""
    folders = (source / "firmware" / "adapter", source / "protocol" / "wire")
    found = [path for folder in folders for path in sorted(folder.rglob("*.py")) if path.stat().st_size > 1000]
    return [path for path in found if b"@micropython.viper" not in path.read_bytes()]


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
        _edit(modules, partial(re.compile(rf"\b{old}\b").sub, f"{old}_again"))
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
    """The last `count` functions look at their first argument first; machine code's arguments are numbers."""
    lines = text.splitlines(keepends=True)
    checked = [node for _, _, node in _functions(text) if node.args.args and not node.decorator_list][-count:]
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
