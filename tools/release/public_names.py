"""Short names for the public names that an image's modules share: the same few for names that never meet.

device_source.py shortens what is private to a module. Public names (attributes, functions, classes) go further: a
name gets the same short one everywhere, and two names may share it if they never meet in one namespace, which is

- the attributes that one module defines or stores (its classes are not told apart), or
- the bare names of one module: its globals, what it imports, its functions' locals.

A name keeps what it is called if something else than our own modules may know it: the runtime (its own names cost
nothing anyway), the boot stage (its objects live on in images of other releases), a call by keyword, a text, a path.
Error classes keep their names too: tracebacks show them. A name's place is drawn from its hash, so that a name more
moves few others, and a delta to the next release stays small.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

from tools.release.device_source import MODULES_KEPT, Nodes, nodes_of

_LEAST_PLACES = 128
_TIMEOUT_S = 30
_RUNTIME = """
import micropython, sys
class Place: pass
for name in sys.stdin.read().split(): setattr(Place, name, 1)
micropython.qstr_info(1)
"""


@dataclass(frozen=True, slots=True)
class _Names:
    """A module's names by where they stand: alone, as attributes, in what it defines, and where others know them."""

    bare: frozenset[str]
    attributes: frozenset[str]
    defined: frozenset[str]
    known_elsewhere: frozenset[str]


def short_names(modules: Mapping[str, bytes], boot: Collection[bytes]) -> dict[str, str]:
    """The public names of `modules` (source by path) that may be short, and what each becomes.

    `boot` are the sources whose names have to stay, those of the boot stage.
    """
    found = [_names(source) for source in modules.values()]
    namespaces = [names for each in found for names in (each.bare, each.attributes)]
    kept = {part for path in modules for part in path.removesuffix(".py").split("/")}
    kept.update(*(each.known_elsewhere for each in found))
    kept.update(token.string for source in boot for token in _name_tokens(source))
    defined = frozenset[str]().union(*(each.defined for each in found))
    candidates = {name for name in defined - kept if not name.startswith("_") and not name.endswith("Error")}
    candidates -= _of_runtime(frozenset(candidates))
    short = _coloured(candidates, namespaces)
    met = frozenset[str]().union(*namespaces) & set(short.values())
    if met:
        raise ValueError(f"a source has {', '.join(sorted(met))}, which the build gives to others: call it differently")
    return short


def with_short_names(source: bytes, short: Mapping[str, str]) -> bytes:
    """`source` with every name of `short` replaced."""
    lines = source.decode().splitlines(keepends=True)
    for token in reversed(_name_tokens(source)):
        if token.string in short:
            (row, start), (_, stop) = token.start, token.end
            lines[row - 1] = lines[row - 1][:start] + short[token.string] + lines[row - 1][stop:]
    return "".join(lines).encode()


def _coloured(candidates: set[str], namespaces: list[frozenset[str]]) -> dict[str, str]:
    meets: dict[str, set[str]] = {name: set() for name in candidates}
    for namespace in namespaces:
        inside = namespace & candidates
        for name in inside:
            meets[name] |= inside
    most = max((len(namespace & candidates) for namespace in namespaces), default=0)
    places_there_are = _LEAST_PLACES
    while places_there_are < 2 * most:
        places_there_are *= 2
    places: dict[str, int] = {}
    for name in sorted(candidates, key=lambda name: (-len(meets[name]), name)):
        taken = {places[other] for other in meets[name] if other in places}
        start = int.from_bytes(sha256(name.encode()).digest()[:4], "big")
        step = 0
        while (start + step) % places_there_are in taken:
            step += 1
        places[name] = (start + step) % places_there_are
    return {name: f"n{place}" for name, place in places.items()}


@lru_cache(MODULES_KEPT)
def _name_tokens(source: bytes) -> tuple[tokenize.TokenInfo, ...]:
    tokens = tokenize.generate_tokens(io.StringIO(source.decode()).readline)
    return tuple(token for token in tokens if token.type == tokenize.NAME)


@lru_cache(MODULES_KEPT)
def _names(source: bytes) -> _Names:
    tree = ast.parse(source)
    nodes = nodes_of(tree)
    own = _own_attributes(nodes)
    stored = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    return _Names(
        bare=frozenset(_bare(nodes)),
        attributes=frozenset(stored | own),
        defined=frozenset(own | _globals(tree)),
        known_elsewhere=frozenset(_known_elsewhere(nodes)),
    )


def _bare(nodes: Nodes) -> set[str]:
    """What stands alone somewhere in the module: names, parameters, functions, classes, imports."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            found |= set(node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


def _own_attributes(nodes: Nodes) -> set[str]:
    """Methods, class attributes, and what methods store in `self`."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                    found.add(statement.name)
                elif isinstance(statement, ast.Assign):
                    found |= {target.id for target in statement.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            found.add(node.attr)
    return found


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _globals(tree: ast.Module) -> set[str]:
    found = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(statement.name)
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                found |= {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
    return found


def _known_elsewhere(nodes: Nodes) -> set[str]:
    """Names that calls hand over arguments by, texts that could be names, and parts of imported paths."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.keyword) and node.arg:
            found.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
        elif isinstance(node, ast.ImportFrom):
            found |= set((node.module or "").split("."))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                found |= set(alias.name.split("."))
    return found


@cache
def _of_runtime(names: frozenset[str]) -> frozenset[str]:
    """Those of `names` that the runtime brings with it: it lists the others as new."""
    beside = Path(sys.executable).parent / "micropython"
    done = subprocess.run(
        [str(beside) if beside.exists() else "micropython", "-c", _RUNTIME],
        input=" ".join(sorted(names)), capture_output=True, text=True, timeout=_TIMEOUT_S, check=True,
    )  # fmt: skip
    new = {line[2:-1] for line in done.stdout.splitlines() if line.startswith("Q(")}
    return names - new
