"""Answers questions about the wire codec, a JSON line each; CPython and MicroPython both run it.

A question is ["unpack", hex] or ["pack", message, values, boot id, sequence] (bytes in hex). The answer is
["ok", ...] or ["refused"]; any other error than WireError is an answer of its own, so that no fault hides.
"""

import json
import sys
from binascii import unhexlify

from protocol.wire import messages
from protocol.wire.errors import WireError
from protocol.wire.layouts import BLOB, FIXED, LIST
from tests.protocol.wire_vectors import from_json, hexed


def to_json(fields, values):
    """Message values with their bytes in hex."""
    out = {}
    for field in fields:
        value = values[field[0]]
        if field[1] in (FIXED, BLOB):
            value = hexed(value)
        elif field[1] == LIST:
            value = [to_json(field[5], item) for item in value]
        out[field[0]] = value
    return out


def unpack(data):
    """What `messages.unpack` makes of `data`."""
    message = messages.unpack(data)
    values = to_json(messages.layout_of(message.name)[3], message.values)
    return ["ok", message.name, message.version, message.boot_id, message.sequence, values]


def answer(question):
    """The answer to `question`, both decoded from JSON."""
    try:
        if question[0] == "unpack":
            return unpack(unhexlify(question[1]))
        _, name, values, boot_id, sequence = question
        return ["ok", hexed(messages.pack(name, from_json(messages.layout_of(name)[3], values), boot_id, sequence))]
    except WireError:
        return ["refused"]
    except Exception as error:
        return ["error", type(error).__name__]


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps([answer(question) for question in json.loads(line)]))
