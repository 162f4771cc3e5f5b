"""Ways to change a file that somebody may find useful: in its bytes, and in its JSON.

Every way takes the `random.Random` that all its choices come from; a seed gives the same mutant again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

_ODD_BYTES = b'\x00\x01\x1f"\\/{}[],:-0189eE.+ \t\n\r\x7f\x80\xbf\xc0\xc1\xc2\xe0\xed\xa0\xf0\xf4\xf5\xff'
_ODD_NUMBERS = (
    "0", "-0", "-1", "1", "01", "1.0", "1e3", "1E+2", "0x10", "+1", "NaN", "Infinity", "4294967295", "4294967296",
    "9007199254740993", "999999999999999", "1000000000000000", "-999999999999999", "9" * 400, "", "true", "1 2",
)  # fmt: skip
_ODD_TEXTS = (
    "", "\u0000", "\ud800", "\udfff\ud800", "\U0010ffff", "é", '"', "\\", "/", "../x", "%2e", "x" * 300, "2026-02-30",
    "9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z", "2026-11-22T09:30:00+01:00", "root", "1.0", "2.0.0", "-----BEGIN",
)  # fmt: skip
_ODD_VALUES: tuple[Any, ...] = (None, True, False, 0, -1, 1 << 32, 1 << 53, "", "root", [], {}, [[]], {"": {}}, 1.5)
MAX_WAYS = 3  # of one mutant


def mutant(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """`data`, changed in one to MAX_WAYS ways; `others` are files that pieces may come from."""
    for _ in range(chance.choice((1, 1, 1, 2, MAX_WAYS))):
        way = chance.choice(JSON_WAYS if data[:1] == b"{" and chance.random() < 0.6 else BYTE_WAYS)
        try:
            data = way(data, others, chance)
        except (ValueError, RecursionError):  # what an earlier way made is nothing that this one can work on
            continue
    return data


def _span(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 1, 2, 4, 16, 64, 300)))


def _flip(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]


def _set(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes((chance.choice(_ODD_BYTES),)) + data[at + 1 :]


def _insert(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    new = bytes(chance.choice(_ODD_BYTES) for _ in range(chance.choice((1, 1, 2, 8))))
    return data[:at] + new + data[at:]


def _delete(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    start, stop = _span(data, chance)
    return data[:start] + data[stop:]


def _duplicate(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    start, stop = _span(data, chance)
    return data[:stop] + data[start:stop] * chance.choice((1, 1, 2, 20)) + data[stop:]


def _splice(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def _overwrite(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    start, stop = _span(data, chance)
    other = chance.choice(others)
    at = chance.randrange(len(other) + 1)
    return data[:start] + other[at : at + stop - start] + data[stop:]


def _truncate(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _lengthen(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    return data + chance.choice((b"\x00", b" ", b"\n", b"{}", b"]", b"}")) * chance.choice((1, 10, 10_000))


BYTE_WAYS: tuple[Callable[[bytes, list[bytes], random.Random], bytes], ...] = (
    _flip, _flip, _set, _insert, _delete, _duplicate, _splice, _overwrite, _truncate, _lengthen,
)  # fmt: skip


def _tree(data: bytes) -> Any:
    """The JSON in `data`, None if it is none (any more)."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (object or array, key or index) in `tree`."""
    found = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict | list):
            for key in list(node) if isinstance(node, dict) else range(len(node)):
                found.append((node, key))
                waiting.append(node[key])
    return found


def _dumped(tree: Any, chance: random.Random) -> bytes:
    """One of the ways to write `tree` down."""
    text = json.dumps(
        tree, sort_keys=chance.random() < 0.3, indent=chance.choice((None, None, 0, 1)),
        ensure_ascii=chance.random() < 0.5, separators=chance.choice(((",", ":"), (", ", ": "), (" ,\t", ":\r\n"))),
    )  # fmt: skip
    return text.encode("utf-8", "surrogatepass")


def _rewrite(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """The same values, written down in another way."""
    tree = _tree(data)
    return data if tree is None else _dumped(tree, chance)


def _reorder(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    tree = _tree(data)
    for node, key in _places(tree):
        inner = node[key]
        if isinstance(inner, dict) and chance.random() < 0.3:
            keys = list(inner)
            chance.shuffle(keys)
            node[key] = {name: inner[name] for name in keys}
        elif isinstance(inner, list) and chance.random() < 0.2:
            chance.shuffle(inner)
    return data if tree is None else _dumped(tree, chance)


def _change(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """One value becomes another: a neighbour, an odd one, or one from elsewhere in the file."""
    tree = _tree(data)
    places = _places(tree)
    if not places:
        return data
    node, key = chance.choice(places)
    old = node[key]
    if isinstance(old, int) and not isinstance(old, bool) and chance.random() < 0.6:
        node[key] = old + chance.choice((-1, 1, 1 << 32))
    elif isinstance(old, str) and chance.random() < 0.6:
        at = chance.randrange(len(old) + 1)
        node[key] = chance.choice(
            (old[:at] + chance.choice(_ODD_TEXTS) + old[at:], old[:at] + old[at + 1 :], old.upper())
        )
    else:
        other, place = chance.choice(places)
        node[key] = chance.choice((chance.choice(_ODD_VALUES), other[place]))
    try:
        return _dumped(tree, chance)
    except (ValueError, RecursionError):  # a value put into itself
        return data


def _drop(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    tree = _tree(data)
    places = _places(tree)
    if not places:
        return data
    node, key = chance.choice(places)
    del node[key]
    return _dumped(tree, chance)


def _rename(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    tree = _tree(data)
    places = [place for place in _places(tree) if isinstance(place[0], dict)]
    if not places:
        return data
    node, key = chance.choice(places)
    node[chance.choice((*_ODD_TEXTS, key + "x", key[:-1]))] = node.pop(key)
    return _dumped(tree, chance)


def _twice(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A member stands twice in its object, with the same or another value."""
    tree = _tree(data)
    places = [place for place in _places(tree) if isinstance(place[0], dict)]
    if not places:
        return data
    node, key = chance.choice(places)
    mark = "\u2603"
    node[mark] = chance.choice((node[key], chance.choice(_ODD_VALUES)))
    if chance.random() < 0.5:
        node[key] = node.pop(key)
    name = key.encode("utf-8", "surrogatepass")
    return _dumped(tree, chance).replace(b"\\u2603", name).replace(mark.encode(), name)


def _number(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A number, or any other value, becomes an odd spelling of one."""
    tree = _tree(data)
    places = [place for place in _places(tree) if isinstance(place[0][place[1]], int) or chance.random() < 0.05]
    if not places:
        return data
    node, key = chance.choice(places)
    node[key] = "\u2603"
    odd = chance.choice(_ODD_NUMBERS).encode()
    return _dumped(tree, chance).replace(b'"\\u2603"', odd).replace('"\u2603"'.encode(), odd)


def _escape(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Characters of one string are written as escapes, right ones and wrong ones."""
    quotes = [at for at in range(len(data)) if data[at : at + 1] == b'"']
    if len(quotes) < 2:
        return data
    first = chance.randrange(len(quotes) - 1)
    start, stop = quotes[first] + 1, quotes[first + 1]
    out = bytearray()
    for byte in data[start:stop]:
        if chance.random() < 0.3:
            odd = (b"\\u%04x" % byte, b"\\u%04X" % byte, b"\\%c" % byte, b"\\u%03x" % byte, b"\\ud83d\\u%04x" % byte)
            out += odd[0] if chance.random() < 0.8 else chance.choice(odd)
        else:
            out.append(byte)
    return data[:start] + bytes(out) + data[stop:]


def _nest(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    tree = _tree(data)
    places = _places(tree)
    if not places:
        return data
    node, key = chance.choice(places)
    for _ in range(chance.choice((1, 13, 16, 17, 60))):
        node[key] = chance.choice(([node[key]], {"a": node[key]}))
    return _dumped(tree, chance)


JSON_WAYS: tuple[Callable[[bytes, list[bytes], random.Random], bytes], ...] = (
    _rewrite, _reorder, _change, _change, _drop, _rename, _twice, _number, _escape, _escape, _nest,
)  # fmt: skip
