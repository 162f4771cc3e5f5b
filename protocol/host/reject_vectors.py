"""What every implementation must refuse: bytes, texts and values one fault away from good ones."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from zlib import crc32

from construct import GreedyBytes, NullTerminated

from protocol.host import structs

Case = dict[str, Any]

SERIAL = "PT000000018"
IMAGE_FIELDS: dict[str, Any] = {
    "payload_bytes": 90_000,
    "payload_sha256": sha256(b"payload").digest(),
    "board": "simulated",
    "revision_from": 1,
    "revision_to": 3,
    "abi": 6,
    "release_counter": 2,
    "security_counter": 1,
    "data_schema": 1,
    "minimum_heap_bytes": 40_000,
    "version": "1.2.0",
}

_REGISTER = {
    "serial": SERIAL, "mac": bytes(6), "epoch": 1, "board": "simulated", "hardware_revision": 1, "version": "1.0.0",
    "release_counter": 1, "image_sha256": bytes(32), "slot": 0, "abi": 6, "boot_reason": 0, "free_heap_bytes": 9,
    "clock_s": 0,
}  # fmt: skip
_BLOB = {"blob": 0, "total_bytes": 4, "offset": 0, "data": b"data"}
_EVENT = {"clock_s": 1, "event": 2, "value": 3}
_FLOW = {"flow": 1, "kind": 0, "port": 1, "local_port": 0, "dscp": 0, "limit": 0, "host": "a"}
_CONFIGURATION = {
    "config_version": 1, "heartbeat_s": 1, "channel": 0, "maintenance_from_s": 0, "maintenance_until_s": 0,
    "line_allowed": 1, "update_mirrors": [], "line_level": 3,
}  # fmt: skip
_REGISTRAR = {"host": "a", "port": 0, "transport": 0}
_VOICE = {
    "user": "+1", "auth_user": "u", "password": "p", "domain": "d", "display_name": "", "country": "US",
    "emergency": "911", "dial_plan": "", "codecs": "PCMU", "ptime_ms": 20, "registration_s": 60, "media_security": 2,
    "mailbox": "", "registrars": [_REGISTRAR], "dns": [],
}  # fmt: skip


def messages() -> Iterator[Case]:
    """Bytes that are no message."""
    for name, data, why in _message_bytes():
        yield {"name": name, "hex": data.hex(), "why": why}


def _message_bytes() -> Iterator[tuple[str, bytes, str]]:
    register = structs.build_message("register", _REGISTER, 1, 1)
    for cut in (0, 1, 9, 10, 11, 21, 22, 27, 28, 29, 30, len(register) - 1):
        yield f"register, cut to {cut} bytes", register[:cut], "cut off"
    for name, data in _good():
        yield f"{name}, last byte missing", data[:-1], "cut off"
        yield f"{name}, a byte too many", data + b"\x00", "bytes left over"
        yield f"{name}, version 0", data[:1] + b"\x00" + data[2:], "versions count from 1"
        yield f"{name}, newer and cut off", data[:1] + b"\x02" + data[2:-1], "cut off"
    for kind in (0, 8, 31, 36, 63, 71, 79, 84, 110, 114, 127, 255):
        yield f"type {kind}", bytes([kind]) + register[1:], "no such type"
    yield "4097 bytes", register[:1] + b"\x02" + register[2:] + bytes(4097 - len(register)), "longer than 4096 bytes"
    yield from _out_of_bounds(register)


def _good() -> Iterator[tuple[str, bytes]]:
    yield "register", structs.build_message("register", _REGISTER, 1, 1)
    yield "put_blob", structs.build_message("put_blob", _BLOB, 1, 1)
    yield "events", structs.build_message("events", {"events": [_EVENT, _EVENT]}, 1, 1)
    yield "done", structs.build_message("done", {"result": 1, "detail": "no"}, 1, 1)
    yield "hello", structs.build_message("hello", {}, 1, 1)


def _out_of_bounds(register: bytes) -> Iterator[tuple[str, bytes, str]]:
    # Offsets: serial 10 (length) 11..21, mac 22..27, epoch 28, board 30 (length).
    for byte in (0x00, 0x1F, 0x7F, 0x80, 0xC3, 0xFF):
        yield f"register, byte {byte:#04x} in the serial", _patched(register, 15, bytes([byte])), "not printable ASCII"
    yield "register, serial of 10 bytes", _patched(register, 10, b"\x0a"), "length out of bounds"
    yield "register, serial of 255 bytes", _patched(register, 10, b"\xff"), "length out of bounds"
    yield "register, epoch 0", _patched(register, 28, b"\x00\x00"), "below its bound"
    yield "register, board of 0 bytes", _patched(register, 30, b"\x00"), "length out of bounds"
    yield "register, board of 17 bytes", _patched(register, 30, b"\x11"), "length out of bounds"
    yield "register, slot 2", _patched(register, -16, b"\x02"), "above its bound"
    yield "register, boot reason 8", _patched(register, -13, b"\x08"), "above its bound"
    yield "register, clock past 2**40", _patched(register, -8, b"\x00\x00\x01\x00\x00\x00\x00\x01"), "above its bound"
    blob = structs.build_message("put_blob", _BLOB, 1, 1)
    yield "put_blob, blob 5", _patched(blob, 10, b"\x05"), "above its bound"
    yield "put_blob, total 0", _patched(blob, 11, b"\x00\x00"), "below its bound"
    yield "put_blob, offset 8192", _patched(blob, 13, b"\x20\x00"), "above its bound"
    yield "put_blob, 0 bytes of data", blob[:15] + b"\x00\x00", "length out of bounds"
    yield "put_blob, 1025 bytes of data", blob[:15] + b"\x04\x01" + bytes(1025), "length out of bounds"
    yield "put_blob, 65535 bytes promised", _patched(blob, 15, b"\xff\xff"), "length out of bounds"
    events = structs.build_message("events", {"events": [_EVENT]}, 1, 1)
    yield "events, 65 items", events[:10] + b"\x41" + events[11:] * 65, "too many items"
    yield "events, 2 items promised", _patched(events, 10, b"\x02"), "cut off"
    yield "events, an unknown event", _patched(events, 19, b"\xff"), "above its bound"
    rows = {"tests": [{"test": 0, "result": 0, "value": 0}], "codes": []}
    tests = structs.build_message("self_test_report", rows, 1, 1)
    yield "self_test_report, 0 items", tests[:10] + b"\x00", "too few items"
    yield "self_test_report, result 3", _patched(tests, 12, b"\x03"), "above its bound"
    configuration = structs.build_message("configuration", {**_CONFIGURATION, "voice": []})
    yield "configuration, version 0 of the configuration", _patched(configuration, 10, bytes(4)), "below its bound"
    yield "configuration, heartbeat of 0 s", _patched(configuration, 14, bytes(2)), "below its bound"
    yield "configuration, heartbeat of 3601 s", _patched(configuration, 14, b"\x0e\x11"), "above its bound"
    yield "configuration, line_allowed 2", _patched(configuration, -4, b"\x02"), "above its bound"
    yield "configuration, line_level 4", _patched(configuration, -2, b"\x04"), "above its bound"
    yield "configuration, 4 mirrors", _patched(configuration, -3, b"\x04" + b"\x01a\x00\x01" * 4), "too many items"
    yield from _voice_out_of_bounds(configuration)
    yield from _bridge_out_of_bounds()


def _voice_out_of_bounds(without: bytes) -> Iterator[tuple[str, bytes, str]]:
    # From the end: dns -1, the registrar's transport -2, port -4, host -6, their number -7, mailbox -8, security -9.
    voice = structs.build_message("configuration", {**_CONFIGURATION, "voice": [_VOICE]})
    yield "configuration, 2 voice accounts", without[:-1] + b"\x02" + voice[len(without) :] * 2, "too many items"
    yield "configuration, transport 3", _patched(voice, -2, b"\x03"), "above its bound"
    yield "configuration, no registrar", voice[:-7] + b"\x00\x00", "too few items"
    yield "configuration, 5 registrars", voice[:-7] + b"\x05" + voice[-6:-1] * 5 + b"\x00", "too many items"
    yield "configuration, a registrar without a host", voice[:-6] + bytes(5), "length out of bounds"
    yield "configuration, 2 registrars promised", _patched(voice, -7, b"\x02"), "cut off"
    yield "configuration, 3 name servers", voice[:-1] + b"\x03" + b"\x01a\x00\x35" * 3, "too many items"
    yield "configuration, name server at port 0", voice[:-1] + b"\x01\x01a\x00\x00", "below its bound"
    yield "configuration, media security 3", _patched(voice, -9, b"\x03"), "above its bound"
    yield "configuration, registration of 59 s", _patched(voice, -11, b"\x00\x3b"), "below its bound"
    yield "configuration, 31 ms a packet", _patched(voice, -12, b"\x1f"), "above its bound"
    yield "configuration, cut off in the voice account", voice[:-8], "cut off"


def _bridge_out_of_bounds() -> Iterator[tuple[str, bytes, str]]:
    # Offsets: flow 10, kind or the data's offset 12, dscp 17, length of a piece 16, of a datagram 18.
    opening = structs.build_message("flow_open", _FLOW, 1, 1)
    yield "flow_open, flow 0", _patched(opening, 10, bytes(2)), "below its bound"
    yield "flow_open, kind 2", _patched(opening, 12, b"\x02"), "above its bound"
    yield "flow_open, DSCP 64", _patched(opening, 17, b"\x40"), "above its bound"
    yield "flow_open, a host of 65 bytes", _patched(opening[:-1], -1, b"\x41" + b"a" * 65), "length out of bounds"
    piece = structs.build_message("piece_in", {"flow": 1, "offset": 0, "data": b"data"}, 1, 1)
    yield "piece_in, 0 bytes of data", piece[:16] + bytes(2), "length out of bounds"
    yield "piece_in, 513 bytes of data", _patched(piece, 16, b"\x02\x01") + bytes(509), "length out of bounds"
    yield "piece_in, 5 bytes promised", _patched(piece, 16, b"\x00\x05"), "cut off"
    datagram = structs.build_message("datagram_in", {"flow": 1, "address": bytes(4), "port": 1, "data": b""}, 1, 1)
    yield "datagram_in, 2049 bytes of data", datagram[:18] + b"\x08\x01" + bytes(2049), "length out of bounds"
    ended = structs.build_message("flow_ended", {"flow": 0, "reason": 0}, 1, 1)
    yield "flow_ended, an unknown reason", ended[:-1] + b"\xff", "above its bound"
    hello = structs.build_message("bridge_hello", {"address": bytes(4), "name_servers": []}, 1, 1)
    yield "bridge_hello, 3 name servers", hello[:-1] + b"\x03" + bytes(18), "too many items"


def _patched(data: bytes, at: int, new: bytes) -> bytes:
    at %= len(data)
    return data[:at] + new + data[at + len(new) :]


# Message, field, a value no sender may give it, and why.
_SPOILED: tuple[tuple[str, str, Any, str], ...] = (
    ("register", "epoch", 0, "below its bound"),
    ("register", "epoch", 65536, "above its bound"),
    ("register", "epoch", -1, "below its bound"),
    ("register", "epoch", True, "a bool is no int"),
    ("register", "epoch", 1.0, "a float is no int"),
    ("register", "epoch", "1", "text is no int"),
    ("register", "epoch", None, "nothing is no int"),
    ("register", "clock_s", 2**40 + 1, "above its bound"),
    ("register", "clock_s", 2**64, "above its bound"),
    ("register", "serial", "PT00000001", "too short"),
    ("register", "serial", "PT0000000180", "too long"),
    ("register", "serial", "PT00000001\u00e9", "not ASCII"),
    ("register", "serial", "PT00000001\u0667", "not ASCII, though a digit"),
    ("register", "serial", "PT00000001\n", "not printable"),
    ("register", "serial", "PT00000001\x7f", "not printable"),
    ("register", "serial", 18, "an int is no text"),
    ("register", "serial", None, "nothing is no text"),
    ("register", "board", "", "too short"),
    ("register", "board", "\u20ac" * 16, "not ASCII"),
    ("register", "board", "b" * 17, "too long"),
    ("register", "mac", "00" * 5, "too short"),
    ("register", "mac", "00" * 7, "too long"),
    ("register", "mac", 6, "an int is no bytes"),
    ("register", "mac", [0, 0, 0, 0, 0, 0], "a list is no bytes"),
    ("register", "mac", None, "nothing is no bytes"),
    ("put_blob", "data", "", "too short"),
    ("put_blob", "data", "00" * 1025, "too long"),
    ("put_blob", "data", 4, "an int is no bytes"),
    ("events", "events", [_EVENT] * 65, "too many items"),
    ("events", "events", {"clock_s": 1}, "a dict is no list"),
    ("events", "events", "e", "text is no list"),
    ("events", "events", 1, "an int is no list"),
    ("events", "events", [1], "an item is a dict"),
    ("events", "events", [{"clock_s": 1, "event": 2}], "a field of an item is missing"),
    ("events", "events", [{**_EVENT, "extra": 1}], "an item has an unknown field"),
    ("events", "events", [{**_EVENT, "event": 255}], "a value of an item is out of bounds"),
    ("configuration", "voice", [_VOICE, _VOICE], "too many items"),
    ("configuration", "voice", [{**_VOICE, "password": ""}], "too short"),
    ("configuration", "voice", [{**_VOICE, "registrars": []}], "too few items in an item"),
    ("configuration", "voice", [{**_VOICE, "registrars": [{**_REGISTRAR, "port": -1}]}], "below its bound"),
    ("configuration", "voice", [{**_VOICE, "registrars": [{**_REGISTRAR, "x": 1}]}], "an unknown field, two deep"),
    ("configuration", "voice", [{**_VOICE, "registrars": [{"host": "a"}]}], "fields missing, two deep"),
    ("configuration", "voice", [{**_VOICE, "dns": "d"}], "text is no list"),
)


def message_values() -> Iterator[Case]:
    """Values that no sender may send; hex stands for bytes in FIXED and BLOB fields."""
    good: dict[str, Any] = {
        "register": {**_REGISTER, "mac": "00" * 6, "image_sha256": "00" * 32},
        "put_blob": {**_BLOB, "data": "64617461"},
        "events": {"events": [_EVENT]},
        "configuration": {**_CONFIGURATION, "voice": [_VOICE]},
    }
    for message, field, value, why in _SPOILED:
        shown = str(value) if len(str(value)) < 20 else f"{str(value)[:17]}..."
        name = f"{message}.{field} = {shown!a} ({why})"
        yield {"name": name, "message": message, "values": {**good[message], field: value}, "why": why}
    for message, values in good.items():
        yield {"name": f"{message}, extra", "message": message, "values": {**values, "x": 1}, "why": "unknown field"}
        yield {"name": f"{message}, bare", "message": message, "values": {}, "why": "fields missing"}
    yield {"name": "no such message", "message": "registre", "values": {}, "why": "no message has that name"}


def frames() -> Iterator[Case]:
    """Frames, with their final zero, that carry nothing."""
    good = structs.FRAME.build({"payload": b"payload"})
    for name, data, why in (
        ("nothing", b"\x00", "shorter than a CRC"),
        ("three bytes", b"\x04abc\x00", "shorter than a CRC"),
        ("a run past the end", b"\x05abc\x00", "COBS run past the end"),
        ("a damaged CRC", good[:-2] + bytes([good[-2] ^ 1]) + b"\x00", "CRC"),
        ("a damaged payload", _patched(good, 3, b"X"), "CRC"),
        ("a byte missing", good[:3] + good[4:], "COBS run past the end"),
        ("a CRC in the other byte order", _cobs(b"payload" + crc32(b"payload").to_bytes(4, "little")), "CRC"),
        ("one byte too long", _cobs(bytes(4097) + crc32(bytes(4097)).to_bytes(4, "big")), "longer than 4096 bytes"),
    ):
        yield {"name": name, "hex": data.hex(), "why": why}


def _cobs(data: bytes) -> bytes:
    return bytes(NullTerminated(structs.Cobs(GreedyBytes)).build(data))


def serial_numbers() -> list[Case]:
    """Texts that are no serial number."""
    cases = (
        ("", "empty"), ("PT", "too short"), ("PT00000001", "too short"), ("PT0000000181", "too long"),
        ("PT000000019", "check digit"), ("PT000000081", "two digits swapped"), ("pt000000018", "lower case"),
        ("XX000000018", "prefix"), ("PT00000001A", "not a digit"), (" PT00000018", "space"), ("PT000000018 ", "space"),
        ("PT00000001\u0668", "a digit, but not ASCII"), ("PT-00000018", "not a digit"), ("PT000000018\n", "line end"),
    )  # fmt: skip
    return [{"name": f"{text!a}: {why}", "text": text, "why": why} for text, why in cases]


def mac_addresses() -> list[Case]:
    """Texts that are no MAC address."""
    cases = (
        "", "00", "00:1A:2B:3C:4D", "00:1A:2B:3C:4D:5E:6F", "00:1A:2B:3C:4D:5G", "00:1A-2B:3C:4D:5E",
        "0:1A:2B:3C:4D:5E", "-----------------", ":01A2B3C4D5E",
        "001A2B3C4D5", "001A2B3C4D5E6", "001a:2b3c:4d5e", "00.1a.2b.3c.4d.5e", "001a.2b3c.4d5e.", "00 1A 2B 3C 4D 5E",
        " 001A2B3C4D5", "0x1A2B3C4D5E", "+01A2B3C4D5E", "00_1A2B3C4D5", "00:1A:2B:3C:4D:5\u0665",
    )  # fmt: skip
    return [{"name": f"{text!a}", "text": text, "why": "no written form of six octets"} for text in cases]


def topics() -> Iterator[Case]:
    """Texts that are no topic a unit publishes on."""
    shard = sha256(SERIAL.encode()).hexdigest()[:2]
    for text, why in (
        ("", "empty"),
        (f"pt/1/{shard}/{SERIAL}/up", "a level missing"),
        (f"pt/1/{shard}/{SERIAL}/up/register/x", "a level too many"),
        (f"/pt/1/{shard}/{SERIAL}/up/register", "a level too many"),
        (f"pt/2/{shard}/{SERIAL}/up/register", "generation"),
        (f"PT/1/{shard}/{SERIAL}/up/register", "root"),
        (f"pt/1/zz/{SERIAL}/up/register", "shard"),
        (f"pt/1/{shard.upper() if shard.upper() != shard else '0' + shard}/{SERIAL}/up/register", "shard"),
        (f"pt/1/{int(shard, 16) ^ 1:02x}/{SERIAL}/up/register", "shard of another serial number"),
        (f"pt/1/{shard}/PT000000019/up/register", "check digit"),
        (f"pt/1/{shard}/{SERIAL}/down", "not an up topic"),
        (f"pt/1/{shard}/{SERIAL}/down/register", "not an up topic"),
        (f"pt/1/{shard}/{SERIAL}/up/registers", "kind"),
        (f"pt/1/{shard}/{SERIAL}/up/", "kind"),
        (f"pt/1/{shard}/+/up/register", "wildcard"),
        (f"pt/1/{shard}/{SERIAL}/up/#", "wildcard"),
        (f"pt/1/{shard}/{SERIAL}/up/{'r' * 60}", "too long"),
    ):
        yield {"name": f"{text}: {why}", "text": text, "why": why}


def image_headers() -> Iterator[Case]:
    """256 bytes (or fewer) that are no image header; all but the damaged one have a right CRC."""
    good = structs.build_image_header(IMAGE_FIELDS)
    yield {"name": "one byte short", "hex": good[:-1].hex(), "why": "cut off"}
    yield {"name": "empty", "hex": "", "why": "cut off"}
    yield {"name": "erased flash", "hex": "ff" * 256, "why": "magic"}
    yield {"name": "a flipped bit", "hex": _patched(good, 70, bytes([good[70] ^ 1])).hex(), "why": "CRC"}
    for name, at, new, why in (
        ("another magic", 0, b"PTIX", "magic"),
        ("format 2", 4, b"\x02", "format"),
        ("reserved byte set", 5, b"\x01", "format"),
        ("a header of 512 bytes", 6, b"\x02\x00", "format"),
        ("an empty payload", 8, bytes(4), "payload length"),
        ("a payload past 4 MiB", 8, b"\x00\x3f\xff\x01", "payload length"),
        ("a payload of 4 GiB", 8, b"\xff\xff\xff\xff", "payload length"),
        ("no board", 44, bytes(16), "empty text"),
        ("a zero inside the board", 45, b"\x00", "odd text"),
        ("a space inside the board", 45, b" ", "odd text"),
        ("a board that is not ASCII", 44, b"\xc3\xa9", "odd text"),
        ("revisions from 4 to 3", 60, b"\x04", "revisions"),
        ("no version", 78, bytes(16), "empty text"),
        ("a line end in the version", 83, b"\n", "odd text"),
        ("a byte in the zeros", 200, b"\x01", "format"),
    ):
        body = _patched(good[:252], at, new)
        yield {"name": name, "hex": (body + crc32(body).to_bytes(4, "big")).hex(), "why": why}
