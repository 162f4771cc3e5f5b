"""What the compiler is given instead of a module's source: the same program, smaller on the device.

A unit keeps every name that a module mentions in a table in its heap, and that table doubles when it is full.

- Private module constants (`_SIZE = 4`) become const(): the compiler writes the value wherever the name stands.
- Private names that a module defines (`self._journal`, `def _move`) become `_1`, `_2`, the same few in every
  module. House rule: no module touches a private name of another's, and none inherits but from errors, so two
  modules' `_1` never meet. Lines stay where they are: a traceback names file and line as ever.

The sources themselves do without, so that they run on CPython as they are and tests see their names.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

_CONSTANT = re.compile(r"_[A-Z][A-Z0-9_]*")
_PRIVATE = re.compile(r"_[A-Za-z]\w*")


def for_device(source: bytes) -> bytes:
    """`source` (a module) with folded constants and short private names; as it is if it is no Python."""
    try:
        module = ast.parse(source)
    except SyntaxError:
        return source  # the compiler will say it better
    return _with_short_names(_with_constants(source, module.body), module)


def _with_constants(source: bytes, body: list[ast.stmt]) -> bytes:
    lines = source.splitlines(keepends=True)
    for node in body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant | ast.BinOp):
            continue
        target, value = node.targets[0], node.value
        one_line = value.lineno == value.end_lineno == node.lineno
        if one_line and isinstance(target, ast.Name) and _CONSTANT.fullmatch(target.id) and _is_literal(value):
            line = lines[value.lineno - 1]
            text = line[value.col_offset : value.end_col_offset]
            lines[value.lineno - 1] = line[: value.col_offset] + b"const(" + text + b")" + line[value.end_col_offset :]
    return b"".join(lines)


def _is_literal(value: ast.expr) -> bool:
    """An integer, a sum or shift of integers, a text or bytes."""
    if isinstance(value, ast.BinOp):
        return _is_literal(value.left) and _is_literal(value.right)
    return isinstance(value, ast.Constant) and isinstance(value.value, int | str | bytes)


def _with_short_names(source: bytes, module: ast.Module) -> bytes:
    private = dict.fromkeys(name for name in defined(module) if is_private(name))
    short = {name: f"_{number}" for number, name in enumerate(private, 1)}
    lines = source.decode().splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source.decode()).readline))):
        if token.type == tokenize.NAME and token.string in short:
            row, start = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:start] + short[token.string] + line[token.end[1] :]
    return "".join(lines).encode()


def is_private(name: str) -> bool:
    """A constant's name stays: folded, it is not in the compiled module at all."""
    return bool(_PRIVATE.fullmatch(name)) and not _CONSTANT.fullmatch(name)


def defined(module: ast.Module) -> Iterator[str]:
    """The names that the module gives to functions, classes, attributes and its own globals."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
    for statement in module.body:
        if isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
