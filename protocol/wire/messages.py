"""Pack and unpack the messages of `layouts`, and nothing the layouts do not allow.

On the wire: type u8, version u8, boot id u32, sequence u32, then the fields, big-endian. The boot id
is drawn at each start and the sequence counts from 1, so (unit, boot id, sequence) names a message
once and for ever. On the USB link a reply repeats the boot id and sequence of its request.
"""

import struct

from protocol.wire import layouts
from protocol.wire.errors import WireError
from protocol.wire.layouts import BLOB, FIXED, LIST, MAX_MESSAGE_BYTES, TEXT

_ENVELOPE = ">BBII"
ENVELOPE_BYTES = struct.calcsize(_ENVELOPE)
_INT_FORMAT = {1: ">B", 2: ">H", 4: ">I", 8: ">Q"}

_TABLES = 4  # the fleet's, the USB link's of a locked unit, the rest of the link's, the bridge's
_FIRST_OF_LINK = 64  # the first type of the USB link

_last = None  # the row used last: a busy end packs and unpacks the same few messages


class Message:
    """A message: `name` and `values` (a dict by field name), with its envelope."""

    __slots__ = ("boot_id", "name", "sequence", "values", "version")

    def __init__(self, name, values, boot_id=0, sequence=0, version=0):
        self.name = name
        self.values = values
        self.boot_id = boot_id
        self.sequence = sequence
        self.version = version

    def __getitem__(self, field):
        return self.values[field]

    def __repr__(self):
        return "Message(%s, %r, boot_id=%d, sequence=%d)" % (self.name, self.values, self.boot_id, self.sequence)


class UnknownTypeError(WireError):
    """A message type this end does not know: a newer peer's, to be counted and dropped."""


def layout_of(name):
    """The row (type, name, version, fields) of message `name`; WireError if there is none."""
    row = _find(None, name)
    if row is None:
        raise WireError("no message is called %r" % (name,))
    return row


def _find(number, name):
    """The row by its number or its name, or None; the USB link's tables are read when first it may be in there."""
    global _last
    row = _last
    if row is not None and (row[0] == number or row[1] == name):
        return row
    for place in range(_TABLES):
        if place == 0:
            table = layouts
        elif place == 1:
            from protocol.wire import locked_layouts as table
        elif place == 2:
            from protocol.wire import link_layouts as table
        else:
            from protocol.wire import bridge_layouts as table
        for known in table.TYPES:
            if known == number or table.TYPES[known] == name:
                version, fields = getattr(table, table.TYPES[known])()
                row = _last = (known, table.TYPES[known], version, fields)
                return row
        if number is not None and number < _FIRST_OF_LINK:
            return None
    return None


def pack(name, values, boot_id=0, sequence=0, version=None):
    """The bytes of message `name`; WireError if a value is missing, unknown or out of bounds.

    `version` below the table's own packs only the fields known to that version.
    """
    row = layout_of(name)
    version = row[2] if version is None else version
    _check_int(name, "version", version, 1, row[2])
    _check_int(name, "boot_id", boot_id, 0, 0xFFFFFFFF)
    _check_int(name, "sequence", sequence, 0, 0xFFFFFFFF)
    out = bytearray(struct.pack(_ENVELOPE, row[0], version, boot_id, sequence))
    _pack_fields(out, name, row[3], values, version)
    if len(out) > MAX_MESSAGE_BYTES:
        raise WireError("%s has %d bytes, at most %d fit" % (name, len(out), MAX_MESSAGE_BYTES))
    return bytes(out)


def unpack(data):
    """The Message in `data`; UnknownTypeError for a type not in the table, WireError for any other fault."""
    size = len(data)
    if not ENVELOPE_BYTES <= size <= MAX_MESSAGE_BYTES:
        raise WireError("a message has %d to %d bytes, got %d" % (ENVELOPE_BYTES, MAX_MESSAGE_BYTES, size))
    kind, version, boot_id, sequence = struct.unpack(_ENVELOPE, bytes(data[:ENVELOPE_BYTES]))
    row = _find(kind, None)
    if row is None:
        raise UnknownTypeError("unknown message type %d" % kind)
    if version == 0:
        raise WireError("%s of version 0; versions count from 1" % row[1])
    values = {}
    at = _unpack_fields(data, ENVELOPE_BYTES, row[1], row[3], values, version)
    if at != size and version <= row[2]:
        raise WireError("%s has %d bytes too many" % (row[1], size - at))
    return Message(row[1], values, boot_id, sequence, version)


def _pack_fields(out, where, fields, values, version):
    if not isinstance(values, dict):
        raise WireError("%s is a dict of fields, got %r" % (where, values))
    known = 0
    for field in fields:
        name, kind, low, high, since = field[:5]
        if name not in values:
            raise WireError("%s needs a value for %s" % (where, name))
        known += 1
        if since > version:
            continue
        value = values[name]
        if kind in _INT_FORMAT:
            _check_int(where, name, value, low, high)
            out.extend(struct.pack(_INT_FORMAT[kind], value))
        elif kind == LIST:
            if not isinstance(value, (list, tuple)):
                raise WireError("%s.%s is a list, got %r" % (where, name, value))
            _check(where, name, len(value), low, high)
            out.append(len(value))
            for item in value:
                _pack_fields(out, name, field[5], item, version)
        else:
            data = _bytes_of(where, name, kind, value, low, high)
            if kind == TEXT:
                out.append(len(data))
            elif kind == BLOB:
                out.extend(struct.pack(">H", len(data)))
            out.extend(data)
    if known != len(values):
        raise WireError("%s has fields %s, got %s" % (where, [f[0] for f in fields], list(values)))


def _bytes_of(where, name, kind, value, low, high):
    """The bytes of a TEXT, BLOB or FIXED value, checked; both interpreters refuse the same."""
    if kind == TEXT:
        if not isinstance(value, str):
            raise WireError("%s.%s is text, got %r" % (where, name, value))
        _check(where, name, len(value), low, high)
        # Checked before it is encoded: only one of the two interpreters refuses to encode a lone surrogate.
        _check_text(where, name, [ord(character) for character in value])
        return value.encode()
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise WireError("%s.%s is bytes, got %r" % (where, name, value))
    data = bytes(value)
    _check(where, name, len(data), low, high)
    return data


def _unpack_fields(data, at, where, fields, values, version):
    for field in fields:
        name, kind, low, high, since = field[:5]
        if since > version:
            values[name] = _default(kind, low)
            continue
        if kind in _INT_FORMAT:
            value = struct.unpack(_INT_FORMAT[kind], _take(data, at, kind, where, name))[0]
            _check(where, name, value, low, high)
            at += kind
        elif kind == LIST:
            count = _take(data, at, 1, where, name)[0]
            _check(where, name, count, low, high)
            at += 1
            value = []
            for _ in range(count):
                item = {}
                at = _unpack_fields(data, at, name, field[5], item, version)
                value.append(item)
        else:
            length = high
            if kind == TEXT:
                length = _take(data, at, 1, where, name)[0]
                at += 1
            elif kind == BLOB:
                length = struct.unpack(">H", _take(data, at, 2, where, name))[0]
                at += 2
            _check(where, name, length, low, high)
            value = _take(data, at, length, where, name)
            at += length
            if kind == TEXT:
                _check_text(where, name, value)
                value = value.decode()
        values[name] = value
    return at


def _default(kind, low):
    """What a field that an older peer does not send yet is taken for: its least value."""
    if kind in _INT_FORMAT:
        return low
    if kind == LIST:
        return []
    if kind == FIXED:
        return bytes(low)
    return "" if kind == TEXT else b""


def _take(data, at, count, where, name):
    if at + count > len(data):
        raise WireError("%s is cut off in %s: %d bytes missing" % (where, name, at + count - len(data)))
    return bytes(data[at : at + count])


def _check_int(where, name, value, low, high):
    # A bool is an int to CPython and none to MicroPython: to the wire it is none.
    if not isinstance(value, int) or isinstance(value, bool):
        raise WireError("%s.%s is an int, got %r" % (where, name, value))
    _check(where, name, value, low, high)


def _check(where, name, value, low, high):
    if not low <= value <= high:
        raise WireError("%s.%s is %d, allowed are %d to %d" % (where, name, value, low, high))


def _check_text(where, name, data):
    for byte in data:
        if not 0x20 <= byte <= 0x7E:
            raise WireError("%s.%s holds byte 0x%02x, allowed is printable ASCII" % (where, name, byte))
