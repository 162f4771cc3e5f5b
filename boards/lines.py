"""On which line of a TOML text a field stands, so that a message can say it."""

import re
from collections.abc import Sequence

_TABLE = re.compile(r"^\s*\[+\s*([\w.\-\"' ]+?)\s*\]+")
_KEY = re.compile(r"^\s*([\w\-.\"']+)\s*=\s*(.*)")
_INLINE_KEY = re.compile(r"[{,]\s*([\w\-]+)\s*=")


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line, from 1, of the field at `path`, or of the innermost table of it that is written; 1 if none is.

    Parts that are no key (an index, the tag of a discriminated union) are passed over.
    """
    known = _lines(text)
    at: tuple[str, ...] = ()
    for part in path:
        if (*at, str(part)) in known:
            at = (*at, str(part))
    return known.get(at, 1)


def _lines(text: str) -> dict[tuple[str, ...], int]:
    known: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            table = _path(header[1])
            for depth in range(1, len(table) + 1):
                known.setdefault(table[:depth], number)
        elif pair := _KEY.match(line):
            key = (*table, *_path(pair[1]))
            known.setdefault(key, number)
            if pair[2].startswith("{"):
                for inline in _INLINE_KEY.findall(pair[2]):
                    known.setdefault((*key, inline), number)
    return known


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
