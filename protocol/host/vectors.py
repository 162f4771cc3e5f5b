"""Writes protocol/vectors/*.json: what every implementation must accept, and what it must refuse.

The bytes come from `protocol.host.structs`, never from the wire codec they are to test. A file holds `accepts`
(bytes or text and the values they stand for) and `rejects` (bytes or text and why). Bytes are written in hex.
`python -m protocol.host.vectors` rewrites the files; a change in one of them is a change of the wire and goes
into one commit with the layouts and docs/protocol.md. A test sees that they are current.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from protocol.host import reject_vectors, structs
from protocol.host.table import MESSAGES
from protocol.wire.layouts import BLOB, FIXED, LIST, TEXT

FOLDER = Path(__file__).parents[1] / "vectors"
SERIALS = ("PT000000018", "PT000000000", "PT999999998", "PT123456782", "PT000028001", "PT000079996")

Case = dict[str, Any]


def files() -> dict[str, str]:
    """The text of every vector file, by name."""
    kinds = {
        "messages": (list(_message_accepts()), list(reject_vectors.messages())),
        "message_values": ([], list(reject_vectors.message_values())),
        "frames": (list(_frame_accepts()), list(reject_vectors.frames())),
        "streams": (list(_stream_accepts()), []),
        "serial_numbers": ([{"name": text, "text": text} for text in SERIALS], reject_vectors.serial_numbers()),
        "mac_addresses": (list(_mac_accepts()), reject_vectors.mac_addresses()),
        "topics": (list(_topic_accepts()), list(reject_vectors.topics())),
        "image_headers": (list(_image_accepts()), list(reject_vectors.image_headers())),
    }
    return {
        f"{kind}.json": json.dumps({"accepts": accepts, "rejects": rejects}, indent=1) + "\n"
        for kind, (accepts, rejects) in kinds.items()
    }


def least(fields: Sequence[Any]) -> dict[str, Any]:
    """The least value of every field."""
    return {field[0]: _bound(field, field[2], least) for field in fields}


def greatest(fields: Sequence[Any]) -> dict[str, Any]:
    """The greatest value of every field."""
    return {field[0]: _bound(field, field[3], greatest) for field in fields}


def typical(fields: Sequence[Any]) -> dict[str, Any]:
    """A value somewhere between the bounds of every field, the same at every run."""
    return {field[0]: _bound(field, _between(field), typical) for field in fields}


def as_json(value: Any) -> Any:
    """`value` with its bytes in hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {name: as_json(item) for name, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def _bound(field: Sequence[Any], bound: int, rows_by: Any) -> Any:
    name, kind = field[:2]
    if kind in (FIXED, BLOB):
        return (sha256(name.encode()).digest() * (bound // 32 + 1))[:bound]
    if kind == TEXT:
        return ("~ aZ09-./" * (bound // 9 + 1))[:bound]
    if kind == LIST:
        return [rows_by(field[5]) for _ in range(bound)]
    return bound


def _between(field: Sequence[Any]) -> int:
    low, high = field[2:4]
    place = int.from_bytes(sha256(field[0].encode()).digest()[:8], "big")
    return int(low + place % min(high - low + 1, 60_000_001))


def _message_accepts() -> Iterator[Case]:
    for kind, name, version, fields in MESSAGES:
        for sequence, values_of in enumerate((least, typical, greatest), start=1):
            values = values_of(fields)
            boot_id = (0, kind * 0x01020304, 0xFFFFFFFF)[sequence - 1]
            data = structs.build_message(name, values, boot_id, sequence)
            yield {
                "name": f"{name}, {values_of.__name__} values", "hex": data.hex(), "message": name, "version": version,
                "boot_id": boot_id, "sequence": sequence, "values": as_json(values),
            }  # fmt: skip
            if values_of is typical:
                newer = bytes([data[0], version + 1]) + data[2:] + b"new field"
                yield {
                    "name": f"{name} of a newer version", "hex": newer.hex(), "message": name, "version": version + 1,
                    "boot_id": boot_id, "sequence": sequence, "values": as_json(values),
                }  # fmt: skip


def _frame_payloads() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "one zero", b"\x00"
    yield "zeros", bytes(16)
    yield "no zero", b"Plugtone"
    yield "zero first, last and amid", b"\x00a\x00b\x00"
    for length in (249, 250, 251, 253, 254, 255, 508, 509):
        yield f"{length} bytes without a zero", b"\x7e" * length
        yield f"{length} bytes, then a zero", b"\x7e" * length + b"\x00"
    yield "the longest", bytes(range(256)) * 16
    yield "a message", structs.build_message("hello", {}, 7, 1)


def _frame_accepts() -> Iterator[Case]:
    for name, payload in _frame_payloads():
        yield {"name": name, "hex": structs.FRAME.build({"payload": payload}).hex(), "payload": payload.hex()}


def _stream_accepts() -> Iterator[Case]:
    one, two = (structs.FRAME.build({"payload": payload}) for payload in (b"one", b"\x00two\x00"))
    damaged = bytes([one[0], one[1] ^ 1]) + one[2:]
    too_long = b"\x01" * 6000 + b"\x00"
    for name, stream, payloads, dropped in (
        ("two frames", one + two, [b"one", b"\x00two\x00"], 0),
        ("zeros between frames", b"\x00\x00" + one + b"\x00\x00" + two, [b"one", b"\x00two\x00"], 0),
        ("a damaged frame before a good one", damaged + two, [b"\x00two\x00"], 1),
        ("noise before the first zero", b"boot v1\r\n\x00" + one, [b"one"], 1),
        ("a frame cut off by the next zero", one[:3] + b"\x00" + two, [b"\x00two\x00"], 1),
        ("a run that never ends, then a good frame", too_long + one, [b"one"], 1),
        ("a frame still without its zero", one + two[:-1], [b"one"], 0),
    ):
        yield {"name": name, "hex": stream.hex(), "payloads": [p.hex() for p in payloads], "dropped": dropped}


def _mac_accepts() -> Iterator[Case]:
    for text in ("00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e", "001a.2b3c.4d5e", "001A2B3C4D5E", "ff:FF:ff:FF:ff:FF"):
        octets = bytes.fromhex(re.sub("[:.-]", "", text))
        yield {
            "name": text, "text": text, "octets": octets.hex(), "written": octets.hex(":").upper(),
            "multicast": bool(octets[0] & 1), "local": bool(octets[0] & 2),
        }  # fmt: skip


def _topic_accepts() -> Iterator[Case]:
    for serial in SERIALS:
        root = f"pt/1/{sha256(serial.encode()).hexdigest()[:2]}/{serial}"
        for kind in ("register", "heartbeat", "report"):
            topic = f"{root}/up/{kind}"
            yield {"name": topic, "text": topic, "serial": serial, "kind": kind, "down": f"{root}/down"}


def _image_accepts() -> Iterator[Case]:
    for name, changes in (
        ("a typical image", {}),
        ("one revision", {"revision_from": 7, "revision_to": 7}),
        ("every counter at its end", {"release_counter": 2**32 - 1, "security_counter": 2**32 - 1, "abi": 65535}),
        ("the longest names", {"board": "b" * 16, "version": "1" * 16}),
        ("the longest payload", {"payload_bytes": 4 * 1024 * 1024 - 256}),
        ("the shortest payload", {"payload_bytes": 1}),
    ):
        fields = {**reject_vectors.IMAGE_FIELDS, **changes}
        yield {"name": name, "hex": structs.build_image_header(fields).hex(), "fields": as_json(fields)}


if __name__ == "__main__":
    for file_name, text in files().items():
        (FOLDER / file_name).write_text(text, encoding="utf-8")
