"""What the compiler is given instead of a module's source: the same program, smaller on the device.

A unit keeps every name that a module mentions in a table in its heap, and that table doubles when it is full.

- Private module constants (`_SIZE = 4`, `_LOW, _HIGH = 1, 9`) become const(): the compiler writes the value wherever
  the name stands.
- Private names that a module defines (`self._journal`, `def _move`) become `_1`, `_2`, the same few in every
  module, and so do parameters that no call names. House rule: no module touches a private name of another's, and
  none inherits but from errors, so two modules' `_1` never meet. Lines stay where they are: a traceback names file
  and line as ever.

The sources themselves do without, so that they run on CPython as they are and tests see their names.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from functools import lru_cache

# Analyses that are kept: those of all modules of three builds, whose sources are mostly the same.
MODULES_KEPT = 512
Nodes = tuple[ast.AST, ...]

_CONSTANT = re.compile(r"_[A-Z][A-Z0-9_]*")
_PRIVATE = re.compile(r"_[A-Za-z]\w*")


def nodes_of(module: ast.Module) -> Nodes:
    """All nodes of the module. To walk it takes longer than whatever is asked of the nodes."""
    return tuple(ast.walk(module))


def keywords(sources: Iterable[bytes]) -> frozenset[str]:
    """The names by which calls in any of `sources` hand over arguments."""
    return frozenset[str]().union(*map(_keywords, sources))


@lru_cache(MODULES_KEPT)
def _keywords(source: bytes) -> frozenset[str]:
    module = _parsed(source)
    nodes = nodes_of(module) if module else ()
    return frozenset(node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg)


@lru_cache(MODULES_KEPT)
def for_device(source: bytes, named: frozenset[str]) -> bytes:
    """`source` (a module) with folded constants and short names; as it is if it is no Python.

    `named` is what `keywords` gives for all modules that may call this one.
    """
    module = _parsed(source)
    if module is None:
        return source  # the compiler will say it better
    constants = [statement for statement in module.body if _folds(statement)]
    return _with_short_names(_with_constants(source, constants), module, named, set(_assigned(constants)))


def _parsed(source: bytes) -> ast.Module | None:
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def _folds(statement: ast.stmt) -> bool:
    """Private constants and literals, one each, on one line."""
    if not isinstance(statement, ast.Assign) or statement.lineno != statement.end_lineno:
        return False
    targets, values = _in_pairs(statement)
    return len(targets) == len(values) and all(
        isinstance(target, ast.Name) and _CONSTANT.fullmatch(target.id) and _is_literal(value)
        for target, value in zip(targets, values, strict=True)
    )


def _in_pairs(statement: ast.Assign) -> tuple[list[ast.expr], list[ast.expr]]:
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Tuple):
        return target.elts, value.elts if isinstance(value, ast.Tuple) else []
    return [target], [value]


def _with_constants(source: bytes, constants: list[ast.stmt]) -> bytes:
    lines = source.splitlines(keepends=True)
    for statement in constants:
        assert isinstance(statement, ast.Assign)  # noqa: S101 - _folds saw it
        line = lines[statement.lineno - 1]
        folded = b"; ".join(
            line[target.col_offset : target.end_col_offset]
            + b" = const("
            + line[value.col_offset : value.end_col_offset]
            + b")"
            for target, value in zip(*_in_pairs(statement), strict=True)
        )
        lines[statement.lineno - 1] = line[: statement.col_offset] + folded + line[statement.end_col_offset :]
    return b"".join(lines)


def _is_literal(value: ast.expr) -> bool:
    """An integer, a sum or shift of integers, a text or bytes."""
    if isinstance(value, ast.BinOp):
        return _is_literal(value.left) and _is_literal(value.right)
    return isinstance(value, ast.Constant) and isinstance(value.value, int | str | bytes)


def _with_short_names(source: bytes, module: ast.Module, named: frozenset[str], folded: set[str]) -> bytes:
    """A folded constant keeps its name: it is not in the compiled module at all."""
    nodes = nodes_of(module)
    private = {name for name in _defined(module, nodes) if is_private(name)} - folded
    parameters = _parameters(module, nodes, named)
    short: dict[str, str] = {}
    lines = source.decode().splitlines(keepends=True)
    places = []
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(source.decode()).readline):
        if token.type == tokenize.NAME:
            row = token.start[0]
            mine = before != "." and any(row in rows for rows in parameters.get(token.string, ()))
            if token.string in private or mine:
                short.setdefault(token.string, f"_{len(short) + 1}")
                places.append(token)
        before = token.string
    for token in reversed(places):
        (row, start), (_, stop) = token.start, token.end
        line = lines[row - 1]
        lines[row - 1] = line[:start] + short[token.string] + line[stop:]
    return "".join(lines).encode()


def _parameters(module: ast.Module, nodes: Nodes, named: frozenset[str]) -> dict[str, list[range]]:
    """The parameters that may have another name, each with the rows of the functions it belongs to.

    Not those that a call names, nor those that share a name with a global: a default may mean the global. None in
    a module that hands over a dict (`f(**values)`): only its own functions may be meant, see tests/conventions.py.
    """
    if any(isinstance(node, ast.keyword) and node.arg is None for node in nodes):
        return {}
    kept = {*named, *_globals(module, nodes), "self"}
    found: dict[str, list[range]] = {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            rows = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            for argument in node.args.args:
                if argument.arg not in kept and not isinstance(node, ast.Lambda):
                    found.setdefault(argument.arg, []).append(rows)
    return found


def _globals(module: ast.Module, nodes: Nodes) -> Iterator[str]:
    """The names that the module itself binds, its imports included wherever they stand."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))


def is_private(name: str) -> bool:
    """True if no other module knows it (a house rule)."""
    return bool(_PRIVATE.fullmatch(name))


def defined(module: ast.Module) -> Iterator[str]:
    """The names that the module gives to functions, classes, attributes and its own globals."""
    return _defined(module, nodes_of(module))


def _defined(module: ast.Module, nodes: Nodes) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
    yield from _assigned(module.body)


def _assigned(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                yield from (name.id for name in names if isinstance(name, ast.Name))
