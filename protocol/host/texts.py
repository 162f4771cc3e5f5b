"""The grammar of what people and brokers read: serial numbers, MAC addresses, topics, as regular expressions.

A second reading of `protocol.wire.serial_number`, `mac` and `topics`, sharing no code with them.
"""

import re
from hashlib import sha256

_SERIAL = re.compile(r"PT[0-9]{9}")
_MAC = re.compile(
    r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}"
    r"|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}|[0-9A-Fa-f]{12}"
)
_UP_TOPIC = re.compile(r"pt/1/([0-9a-f]{2})/(PT[0-9]{9})/up/(register|heartbeat|report)")
# Luhn: what a digit counts in a doubled place, ISO/IEC 7812-1 annex B.
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_serial(text: str) -> bool:
    """Whether `text` is a serial number with the right check digit."""
    if not _SERIAL.fullmatch(text):
        return False
    digits = [int(digit) for digit in text[2:]]
    return (sum(digits[0::2]) + sum(_DOUBLED[digit] for digit in digits[1::2])) % 10 == 0


def mac_octets(text: str) -> bytes | None:
    """The six octets of a written MAC address; None if it is none."""
    return bytes.fromhex(re.sub("[:.-]", "", text)) if _MAC.fullmatch(text) else None


def parse_up_topic(topic: str) -> tuple[str, str] | None:
    """(serial, kind) of a topic on which a unit publishes; None if it is none."""
    match = _UP_TOPIC.fullmatch(topic)
    if not match or not is_serial(match[2]) or match[1] != sha256(match[2].encode()).hexdigest()[:2]:
        return None
    return match[2], match[3]
