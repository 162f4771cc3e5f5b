"""The same layouts as `construct` Structs: a second codec, built another way, to check the wire against.

Nothing here calls `protocol.wire.messages`, `link` or `image`: only the table of layouts is shared.
Every fault, in parsing and in building, is a `construct.ConstructError`.
"""

from binascii import crc32
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from construct import (
    Byte,
    Bytes,
    Checksum,
    Computed,
    Const,
    Construct,
    ExprValidator,
    GreedyBytes,
    Int8ub,
    Int16ub,
    Int32ub,
    Int64ub,
    NullTerminated,
    PaddedString,
    PascalString,
    Prefixed,
    PrefixedArray,
    RawCopy,
    Struct,
    Terminated,
    Tunnel,
    ValidationError,
    this,
)

from protocol.host.table import MESSAGES
from protocol.wire.layouts import BLOB, FIXED, LIST, MAX_MESSAGE_BYTES, TEXT, U8, U16, U32, U64

_INTS = {U8: Int8ub, U16: Int16ub, U32: Int32ub, U64: Int64ub}
_ROWS_BY_TYPE = {row[0]: row for row in MESSAGES}
_ROWS_BY_NAME = {row[1]: row for row in MESSAGES}
_MAX_FRAME_PAYLOAD_BYTES = 4096
_MAX_PAYLOAD_BYTES = 4 * 1024 * 1024 - 256

ENVELOPE = Struct("type" / Int8ub, "version" / Int8ub, "boot_id" / Int32ub, "sequence" / Int32ub)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A parsed message; `values` are by field name, as in `protocol.wire.messages.Message`."""

    name: str
    version: int
    boot_id: int
    sequence: int
    values: dict[str, Any]


def parse_message(data: bytes) -> Decoded:
    """The message in `data`; ConstructError if the layouts forbid it or do not know its type."""
    envelope = ENVELOPE.parse(data)
    row = _ROWS_BY_TYPE.get(envelope.type)
    if row is None or envelope.version == 0 or len(data) > MAX_MESSAGE_BYTES:
        raise ValidationError(f"type {envelope.type}, version {envelope.version}, {len(data)} bytes")
    parsed = body_of(row[1], envelope.version).parse(data[ENVELOPE.sizeof() :])
    values = {name: _plain(parsed[name]) for name in (field[0] for field in row[3])}
    return Decoded(row[1], envelope.version, envelope.boot_id, envelope.sequence, values)


def build_message(name: str, values: Mapping[str, Any], boot_id: int = 0, sequence: int = 0) -> bytes:
    """The bytes of message `name` in the table's own version."""
    row = _ROWS_BY_NAME.get(name)
    if row is None:
        raise ValidationError(f"no message is called {name!r}")
    _refuse_other_fields(values, row[3])
    head = ENVELOPE.build({"type": row[0], "version": row[2], "boot_id": boot_id, "sequence": sequence})
    return bytes(head + body_of(name, row[2]).build(dict(values)))


@cache
def body_of(name: str, version: int) -> Construct:
    """The Struct of the fields of message `name` as a sender of `version` lays them out."""
    row = _ROWS_BY_NAME[name]
    end = Terminated if version <= row[2] else GreedyBytes
    return Struct(*_fields(row[3], version), end)


def _fields(fields: Sequence[Any], version: int) -> list[Construct]:
    return [field[0] / (_field(field, version) if field[4] <= version else _absent(field)) for field in fields]


def _field(field: Sequence[Any], version: int) -> Construct:
    _, kind, low, high = field[:4]
    if kind in _INTS:
        return ExprValidator(_INTS[kind], lambda value, _: type(value) is int and low <= value <= high)
    if kind == LIST:
        items = PrefixedArray(Byte, Struct(*_fields(field[5], version)))
        return ExprValidator(items, lambda value, _: isinstance(value, list) and low <= len(value) <= high)
    if kind == TEXT:
        text = PascalString(Byte, "ascii")
        return ExprValidator(
            text, lambda value, _: isinstance(value, str) and low <= len(value) <= high and value.isprintable()
        )
    if kind in (FIXED, BLOB):
        data = Bytes(low) if kind == FIXED else Prefixed(Int16ub, GreedyBytes)
        return ExprValidator(data, lambda value, _: isinstance(value, bytes) and low <= len(value) <= high)
    raise ValidationError(f"layouts name kind {kind}, which has no Struct")


def _absent(field: Sequence[Any]) -> Construct:
    """A field that an older peer does not send yet: its least value."""
    least: dict[int, object] = {FIXED: bytes(field[2]), TEXT: "", BLOB: b"", LIST: []}
    return Computed(least.get(field[1], field[2]))


def _plain(value: Any) -> Any:
    """Construct's containers as plain dicts and lists, without its private entries."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _refuse_other_fields(values: Any, fields: Sequence[Any]) -> None:
    """Struct ignores what it does not know; the protocol does not."""
    known = {field[0] for field in fields}
    if not isinstance(values, dict) or set(values) != known:
        raise ValidationError(f"fields are {sorted(known)}, got {values!r}")
    for name, kind, *_, rows in (field for field in fields if field[1] == LIST):
        if not isinstance(values[name], list):
            raise ValidationError(f"{name} of kind {kind} is a list, got {values[name]!r}")
        for item in values[name]:
            _refuse_other_fields(item, rows)


class Cobs(Tunnel):  # type: ignore[misc]
    """Consistent Overhead Byte Stuffing: the data between zeros, each run led by its length plus one."""

    def _decode(self, data: bytes, context: Any, path: str) -> bytes:
        out = bytearray()
        code = 0xFF
        while data:
            code, run, data = data[0], data[1 : data[0]], data[data[0] :]
            if code == 0 or len(run) != code - 1 or 0 in run:
                raise ValidationError(f"COBS code {code} before {len(run)} bytes", path=path)
            out += run if code == 0xFF else run + b"\x00"
        # The zero after the last run is not part of the data, unless that run was full and brought none.
        return bytes(out if code == 0xFF else out[:-1])

    def _encode(self, data: bytes, context: Any, path: str) -> bytes:
        out = bytearray()
        for run in data.split(b"\x00"):
            full, rest = divmod(len(run), 0xFE)
            for at in range(0, full * 0xFE, 0xFE):
                out += b"\xff" + run[at : at + 0xFE]
            out += bytes([rest + 1]) + run[full * 0xFE :]
        return bytes(out)


class WithCrc32(Tunnel):  # type: ignore[misc]
    """Bytes followed by their CRC-32, big-endian; at most a frame's payload of them."""

    def _decode(self, data: bytes, context: Any, path: str) -> bytes:
        payload, crc = data[:-4], data[-4:]
        if len(crc) != 4 or len(payload) > _MAX_FRAME_PAYLOAD_BYTES or Int32ub.parse(crc) != crc32(payload):
            raise ValidationError(f"frame of {len(payload)} bytes: too long, cut or damaged", path=path)
        return payload

    def _encode(self, data: bytes, context: Any, path: str) -> bytes:
        if len(data) > _MAX_FRAME_PAYLOAD_BYTES:
            raise ValidationError(f"a frame carries {_MAX_FRAME_PAYLOAD_BYTES} bytes, got {len(data)}", path=path)
        return data + bytes(Int32ub.build(crc32(data)))


# One frame with the zero that ends it.
FRAME = Struct("payload" / NullTerminated(Cobs(WithCrc32(GreedyBytes))), Terminated)

_HEADER_TEXT = ExprValidator(
    PaddedString(16, "ascii"), lambda text, _: 1 <= len(text) <= 16 and text.isprintable() and " " not in text
)
_HEADER_FIELDS = Struct(
    Const(b"PTIM"),
    Const(1, Int8ub),
    Const(0, Int8ub),
    Const(256, Int16ub),
    "payload_bytes" / ExprValidator(Int32ub, lambda value, _: 1 <= value <= _MAX_PAYLOAD_BYTES),
    "payload_sha256" / Bytes(32),
    "board" / _HEADER_TEXT,
    "revision_from" / Int8ub,
    "revision_to" / ExprValidator(Int8ub, lambda value, context: value >= context.revision_from),
    "abi" / Int16ub,
    "release_counter" / Int32ub,
    "security_counter" / Int32ub,
    "data_schema" / Int16ub,
    "minimum_heap_bytes" / Int32ub,
    "version" / _HEADER_TEXT,
    Const(bytes(158)),
)
IMAGE_HEADER = Struct("fields" / RawCopy(_HEADER_FIELDS), Checksum(Int32ub, crc32, this.fields.data))


def parse_image_header(data: bytes) -> dict[str, Any]:
    """The fields of an image header, by name."""
    fields: dict[str, Any] = _plain(IMAGE_HEADER.parse(data).fields.value)
    return fields


def build_image_header(fields: Mapping[str, Any]) -> bytes:
    """An image header of 256 bytes; `fields` as `parse_image_header` gives them."""
    return bytes(IMAGE_HEADER.build({"fields": {"value": dict(fields)}}))
