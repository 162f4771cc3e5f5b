"""Holds the wire codec against the vectors; written so that CPython and MicroPython both run it.

`faults(kind, vectors)` is a list of texts, empty if all is well; as a script it reads the kinds named in
sys.argv from the folder sys.argv[1] and prints the number of cases and every fault.
"""

# ruff: noqa: C419, PTH123, UP031 - MicroPython runs this too.

import json
import sys
from binascii import hexlify, unhexlify

from protocol.wire import image, link, mac, messages, serial_number, topics
from protocol.wire.errors import WireError
from protocol.wire.layouts import BLOB, FIXED, LIST

KINDS = (
    "messages", "message_values", "frames", "streams", "serial_numbers", "mac_addresses", "topics", "image_headers",
)  # fmt: skip


def hexed(data):
    """`data` in hex, as in the vectors."""
    return hexlify(data).decode()


def is_hex(value):
    """Whether `value` is text in hex, as `hexed` writes it."""
    return isinstance(value, str) and len(value) % 2 == 0 and all([digit in "0123456789abcdef" for digit in value])


def from_json(fields, values):
    """The values of a vector as the wire takes them: hex becomes bytes where the layout wants bytes."""
    if not isinstance(values, dict):
        return values
    out = dict(values)
    for field in fields:
        value = values.get(field[0])
        if field[1] in (FIXED, BLOB) and is_hex(value):
            out[field[0]] = unhexlify(value)
        elif field[1] == LIST and isinstance(value, list):
            out[field[0]] = [from_json(field[5], item) for item in value]
    return out


def check_messages(case):
    data = unhexlify(case["hex"])
    message = messages.unpack(data)
    row = messages.layout_of(case["message"])
    values = from_json(row[3], case["values"])
    same = message.name == case["message"] and message.values == values and message.version == case["version"]
    same = same and message.boot_id == case["boot_id"] and message.sequence == case["sequence"]
    if same and case["version"] == row[2]:
        return messages.pack(case["message"], values, case["boot_id"], case["sequence"]) == data
    return same


def refuse_message_values(case):
    try:
        fields = messages.layout_of(case["message"])[3]
    except WireError:
        fields = ()
    messages.pack(case["message"], from_json(fields, case["values"]))


def check_frames(case):
    frame = unhexlify(case["hex"])
    payload = unhexlify(case["payload"])
    whole = link.FrameReader().feed(frame) == [payload]
    return link.encode_frame(payload) == frame and link.decode_frame(frame[:-1]) == payload and whole


def check_streams(case):
    stream = unhexlify(case["hex"])
    for step in (1, 7, len(stream)):
        reader = link.FrameReader()
        got = []
        for at in range(0, len(stream), step):
            got += [hexed(payload) for payload in reader.feed(stream[at : at + step])]
        if got != case["payloads"] or reader.dropped != case["dropped"]:
            return False
    return True


def check_mac_addresses(case):
    address = mac.MacAddress.parse(case["text"])
    same = address.hex() == case["octets"] and str(address) == case["written"]
    same = same and mac.MacAddress.from_int(int(address)) == address == mac.MacAddress.parse(str(address))
    return same and address.is_multicast == case["multicast"] and address.is_local == case["local"]


def check_topics(case):
    serial, kind = topics.parse_up_topic(case["text"])
    same = serial == case["serial"] and kind == case["kind"]
    return same and topics.up_topic(serial, kind) == case["text"] and topics.down_topic(serial) == case["down"]


def check_serial_numbers(case):
    text = serial_number.check_serial(case["text"])
    return text == case["text"] == serial_number.make_serial(int(text[2:10]))


def check_image_headers(case):
    data = unhexlify(case["hex"])
    header = image.ImageHeader.unpack(data + b"payload")
    for name, value in case["fields"].items():
        got = getattr(header, name)
        if (hexed(got) if isinstance(got, bytes) else got) != value:
            return False
    return True


# By kind: what holds an accepted case (true if it is right), and what must raise WireError for a rejected one.
CHECKS = {
    "messages": (check_messages, lambda case: messages.unpack(unhexlify(case["hex"]))),
    "message_values": (None, refuse_message_values),
    "frames": (check_frames, lambda case: link.decode_frame(unhexlify(case["hex"])[:-1])),
    "streams": (check_streams, None),
    "serial_numbers": (check_serial_numbers, lambda case: serial_number.check_serial(case["text"])),
    "mac_addresses": (check_mac_addresses, lambda case: mac.MacAddress.parse(case["text"])),
    "topics": (check_topics, lambda case: topics.parse_up_topic(case["text"])),
    "image_headers": (check_image_headers, lambda case: image.ImageHeader.unpack(unhexlify(case["hex"]))),
}


def faults(kind, vectors):
    """What the codec does other than the vectors say."""
    found = []
    accept, reject = CHECKS[kind]
    for case in vectors["accepts"]:
        try:
            if not accept(case):
                found.append("%s: %s: read otherwise" % (kind, case["name"]))
        except WireError as error:
            found.append("%s: %s: refused: %s" % (kind, case["name"], error))
    for case in vectors["rejects"]:
        try:
            reject(case)
            found.append("%s: %s: taken, though %s" % (kind, case["name"], case["why"]))
        except WireError:
            pass
    return found


if __name__ == "__main__":
    for kind in KINDS:
        with open(sys.argv[1] + "/" + kind + ".json") as file:
            vectors = json.load(file)
        for fault in faults(kind, vectors):
            print(fault)
        print(kind, len(vectors["accepts"]), len(vectors["rejects"]))
