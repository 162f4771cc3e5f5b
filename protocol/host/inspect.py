"""A message as lines for people: names for enumerated values, hex for bytes, UTC for clocks."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from protocol.host.enumerations import ENUMERATIONS
from protocol.host.structs import Decoded, parse_message


def describe(data: bytes) -> str:
    """The message in `data`, a line a field; ConstructError if it is none."""
    return "\n".join(lines_of(parse_message(data)))


def lines_of(message: Decoded) -> Iterator[str]:
    """`name version boot_id/sequence`, then a line for each field, items of lists indented."""
    yield f"{message.name} version {message.version} boot {message.boot_id:08x} sequence {message.sequence}"
    yield from _fields(message.name, message.values, "  ")


def _fields(where: str, values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, list):
            yield f"{indent}{name}: {len(value)} items"
            for item in value:
                yield f"{indent}  -"
                yield from _fields(name, item, indent + "    ")
        else:
            yield f"{indent}{name}: {_text(where, name, value)}"


def _text(where: str, name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex(":") if len(value) == 6 else value.hex()
    if (where, name) in ENUMERATIONS:
        return f"{ENUMERATIONS[where, name][value]} ({value})"
    if name.endswith("_s") and isinstance(value, int) and 1_000_000_000 < value < 1 << 37:
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC ({value})"
    return str(value)
