"""Every board there is: one TOML file beside this module each."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from boards.schema import Board

_FOLDER = Path(__file__).resolve().parent


class BoardError(Exception):
    """An unknown board, or a board file that makes no sense."""


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
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BoardError(f"board file {name}.toml: {error}") from error
    if board.name != name:
        raise BoardError(f"board file {name}.toml describes a board called {board.name!r}; let both be the same")
    return board
