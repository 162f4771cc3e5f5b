"""Every board there is: one TOML file beside this module each."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from boards.lines import line_of
from boards.schema import Board

_FOLDER = Path(__file__).resolve().parent
_TOML_LINE = re.compile(r"\(at line (\d+)")
# What to do about what pydantic finds; {field} is the field's name, {ctx} what pydantic knows of the limits.
_REMEDIES = {
    "missing": "add it",
    "extra_forbidden": "no board has that field: mend its name, or delete it",
    "union_tag_not_found": "add kind, which says what the rest is",
    "string_pattern_mismatch": "write lower-case letters, digits and what the pattern allows",
    "too_short": "write [first, last], or the names",
    "too_long": "write [first, last]",
}
_TYPES = {"int_type": "a whole number, without quotes", "string_type": "a text in quotes", "list_type": "a list in [ ]"}


class BoardError(Exception):
    """An unknown board, or a board file that makes no sense: each fault with file, line and remedy."""


def names() -> tuple[str, ...]:
    """The names of all boards, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def load(name: str) -> Board:
    """The board called `name`; BoardError if there is none or its file is wrong."""
    if name not in names():
        raise BoardError(f"no board is called {name!r}; known: {', '.join(names())}")
    return parse((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"), name)


def parse(text: str, name: str) -> Board:
    """The board that `text` (TOML) describes; its `name` field must be `name`."""
    try:
        board = Board.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found else len(text.splitlines())
        raise BoardError(f"boards/{name}.toml:{line}: no TOML: {error}; mend the line") from error
    except ValidationError as error:
        raise BoardError("\n".join(_said(text, name, each) for each in error.errors())) from error
    if board.name != name:
        raise BoardError(
            f"boards/{name}.toml:{line_of(text, ['name'])}: it describes a board called {board.name!r}; let both be "
            "the same"
        )
    return board


def _said(text: str, name: str, error: ErrorDetails) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    if "at" in context:
        path: list[str | int] = list(context["at"].split("."))
        return f"boards/{name}.toml:{line_of(text, path)}: {error['msg']}"
    path = list(error["loc"])
    # A union's tag and pydantic's mark of a wrong key are no part of the file.
    field = ".".join(str(part) for part in path if part not in {"[key]", "rmii", "spi", "simulated", "esptool", "uf2"})
    kind = error["type"]
    if kind in _REMEDIES:
        remedy = _REMEDIES[kind]
    elif kind in _TYPES:
        remedy = f"write {_TYPES[kind]}"
    else:
        remedy = "write a value within that"
    return f"boards/{name}.toml:{line_of(text, path)}: {field}: {error['msg']}; {remedy}"
