"""MQTT topics: `pt/1/SHARD/SERIAL/up/KIND` and `pt/1/SHARD/SERIAL/down`.

SHARD is two hex digits of SHA-256(serial), so that any number of gateways
share the load on any MQTT 3.1.1 broker without shared subscriptions.
"""

from hashlib import sha256

from protocol.wire.errors import WireError
from protocol.wire.serial_number import check_serial

ROOT = "pt"
GENERATION = "1"
MAX_TOPIC_BYTES = 64
UP_KINDS = ("register", "heartbeat", "report")


def shard_of(serial):
    """The shard of a unit, two lower-case hex digits."""
    return "%02x" % sha256(serial.encode()).digest()[0]


def up_topic(serial, kind):
    """The topic on which unit `serial` publishes messages of `kind` (one of UP_KINDS)."""
    if kind not in UP_KINDS:
        raise WireError("unknown topic kind %r; one of %s" % (kind, ", ".join(UP_KINDS)))
    return "/".join((ROOT, GENERATION, shard_of(check_serial(serial)), serial, "up", kind))


def down_topic(serial):
    """The topic to which unit `serial` subscribes."""
    return "/".join((ROOT, GENERATION, shard_of(check_serial(serial)), serial, "down"))


def up_filter(shard="+"):
    """The filter of a gateway: all units' messages of one shard, or of all."""
    return "/".join((ROOT, GENERATION, shard, "+", "up", "+"))


def parse_up_topic(topic):
    """(serial, kind) of an up topic; WireError for any other, a wrong shard included."""
    if not isinstance(topic, str):
        raise WireError("a topic is text, got %r" % (topic,))
    if len(topic) > MAX_TOPIC_BYTES:
        raise WireError("a topic has at most %d bytes, got %d" % (MAX_TOPIC_BYTES, len(topic)))
    levels = topic.split("/")
    if len(levels) != 6 or levels[0] != ROOT or levels[1] != GENERATION or levels[4] != "up":
        raise WireError("not a unit's topic: %r" % (topic,))
    serial = check_serial(levels[3])
    if levels[2] != shard_of(serial):
        raise WireError("topic %r has shard %s, its serial is of %s" % (topic, levels[2], shard_of(serial)))
    if levels[5] not in UP_KINDS:
        raise WireError("unknown topic kind %r; one of %s" % (levels[5], ", ".join(UP_KINDS)))
    return serial, levels[5]
