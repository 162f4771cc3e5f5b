"""The MQTT client: what it sends, what it takes, and that nothing a broker sends gets past its bounds."""

import random
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.mqtt import (
    ANSWER_TIMEOUT_MS,
    KEEP_ALIVE_S,
    MAX_IN_FLIGHT,
    MAX_REMAINING_BYTES,
    MqttClient,
    MqttError,
    MqttPeerError,
    MqttTimeoutError,
    MqttUseError,
    PacketReader,
    packet,
    remaining_length,
)
from protocol.wire.layouts import MAX_MESSAGE_BYTES
from tests.conftest import RunMicroPython

CONNACK_OK = b"\x20\x02\x00\x00"
DOWN = "pt/1/aa/PT000000018/down"


def open_client() -> MqttClient:
    client = MqttClient("PT000000018")
    client.connect(0)
    client.poll(0)
    assert client.feed(CONNACK_OK, 0) == [("connected",)]
    return client


def publish(topic: str, payload: bytes, qos: int = 1, packet_id: int = 7, dup: bool = False) -> bytes:
    body = struct.pack(">H", len(topic)) + topic.encode() + (struct.pack(">H", packet_id) if qos else b"") + payload
    return packet(3, dup << 3 | qos << 1, body)


def test_connect_subscribe_and_publish_leave_in_one_flight() -> None:
    client = MqttClient("PT000000018")
    client.connect(0)
    assert client.subscribe(DOWN, 0) == 1
    assert client.publish("pt/1/aa/PT000000018/up/register", b"hi", 1, 0) == 2
    assert client.poll(0) == (
        b"\x10\x17\x00\x04MQTT\x04\x02\x00\x1e\x00\x0bPT000000018"
        b"\x82\x1d\x00\x01\x00\x18" + DOWN.encode() + b"\x01"
        b"\x32\x25\x00\x1fpt/1/aa/PT000000018/up/register\x00\x02hi"
    )
    assert client.poll(0) == b""
    answers = CONNACK_OK + b"\x90\x03\x00\x01\x01" + b"\x40\x02\x00\x02"
    assert client.feed(answers, 5) == [("connected",), ("subscribed", 1), ("published", 2)]


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_a_refused_connection_is_told_with_its_code_and_is_over(code: int) -> None:
    client = MqttClient("PT000000018")
    client.connect(0)
    client.publish("a", b"", 1, 0)
    assert client.feed(b"\x20\x02\x00" + bytes([code]), 0) == [("connect_refused", code)]
    assert (client.state, client.poll(0), client.next_timer()) == ("closed", b"", None)
    with pytest.raises(MqttUseError):
        client.feed(b"", 0)


def test_a_refused_subscription_is_told() -> None:
    client = open_client()
    client.subscribe(DOWN, 0)
    assert client.feed(b"\x90\x03\x00\x01\x80", 0) == [("subscribe_refused", 1)]


def test_a_message_at_qos_1_is_acknowledged_and_at_qos_0_it_is_not() -> None:
    client = open_client()
    assert client.feed(publish(DOWN, b"one"), 0) == [("message", DOWN, b"one")]
    assert client.poll(0) == b"\x40\x02\x00\x07"
    assert client.feed(publish(DOWN, b"two", qos=0), 0) == [("message", DOWN, b"two")]
    assert client.poll(0) == b""


def test_the_longest_message_passes_and_one_byte_more_does_not() -> None:
    topic = "t" * 64
    whole = publish(topic, bytes(MAX_MESSAGE_BYTES))
    assert open_client().feed(whole, 0) == [("message", topic, bytes(MAX_MESSAGE_BYTES))]
    with pytest.raises(MqttPeerError):
        open_client().feed(publish(topic, bytes(MAX_MESSAGE_BYTES + 1)), 0)
    with pytest.raises(MqttPeerError, match="allowed are 4096"):
        open_client().feed(publish("t", bytes(MAX_MESSAGE_BYTES + 1)), 0)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00",  # a reserved type
        b"\xf0\x00",
        b"\x10\x00",  # packets that only clients send
        b"\x82\x05\x00\x01\x00\x01a\x01",
        b"\xc0\x00",
        b"\xe0\x00",
        b"\x50\x02\x00\x01",  # QoS 2's packets
        b"\x20\x02\x00\x00",  # a second CONNACK
        b"\x41\x02\x00\x01",  # reserved flags set
        b"\x40\x03",  # wrong length, seen before the body comes
        b"\x40\x01\x00",
        b"\x40\x02\x00\x09",  # acknowledges what was never sent
        b"\x90\x03\x00\x09\x01",
        b"\xd0\x00",  # PINGRESP without a ping
        b"\x40\x80\x80\x80\x80",  # a length that never ends
        b"\x30\xff\xff\xff\x7f",  # 256 MiB announced
        b"\x36\x05\x00\x01a\x00\x07",  # QoS 3
        b"\x34\x05\x00\x01a\x00\x07",  # QoS 2
        b"\x38\x03\x00\x01a",  # DUP at QoS 0
        b"\x30\x03\x00\x02a",  # the topic is cut off
        b"\x32\x03\x00\x01a",  # the packet id is missing
        b"\x32\x05\x00\x01a\x00\x00",  # packet id 0
        b"\x30\x03\x00\x00a",  # an empty topic
        b"\x30\x03\x00\x01+",  # a wildcard in a topic
        b"\x30\x03\x00\x01\x00",
        b"\x30\x43\x00\x41" + b"t" * 65,  # a topic of 65 bytes
    ],
)
def test_a_broker_that_breaks_the_rules_ends_the_connection(data: bytes) -> None:
    client = open_client()
    with pytest.raises(MqttPeerError):
        client.feed(data, 0)
    assert client.state == "closed"


@pytest.mark.parametrize("data", [b"\xd0\x00", b"\x40\x02\x00\x01", b"\x20\x02\x01\x00", b"\x20\x02\x00\x06"])
def test_the_first_packet_is_a_plain_connack(data: bytes) -> None:
    client = MqttClient("PT000000018")
    client.connect(0)
    client.publish("a", b"", 1, 0)
    with pytest.raises(MqttPeerError):
        client.feed(data, 0)


def test_a_quiet_connection_is_pinged_and_a_dead_one_is_noticed() -> None:
    client = open_client()
    quiet_ms = 1000 * KEEP_ALIVE_S
    assert client.next_timer() == quiet_ms
    assert client.poll(quiet_ms - 1) == b""
    assert client.poll(quiet_ms) == b"\xc0\x00"
    assert client.poll(quiet_ms + 1) == b""
    client.feed(b"\xd0\x00", quiet_ms + 2)
    assert client.poll(2 * quiet_ms) == b"\xc0\x00"
    assert client.next_timer() == 2 * quiet_ms + ANSWER_TIMEOUT_MS
    with pytest.raises(MqttTimeoutError, match="PINGRESP"):
        client.poll(2 * quiet_ms + ANSWER_TIMEOUT_MS)
    assert client.state == "closed"


@pytest.mark.parametrize("what", ["CONNACK", "SUBACK", "PUBACK"])
def test_every_answer_has_a_limit(what: str) -> None:
    client = MqttClient("PT000000018") if what == "CONNACK" else open_client()
    if what == "CONNACK":
        client.connect(0)
    elif what == "SUBACK":
        client.subscribe(DOWN, 0)
    else:
        client.publish("a", b"", 1, 0)
    client.poll(ANSWER_TIMEOUT_MS - 1)
    with pytest.raises(MqttTimeoutError, match=what):
        client.poll(ANSWER_TIMEOUT_MS)


def test_requests_in_flight_are_bounded_and_their_ids_differ() -> None:
    client = open_client()
    ids = [client.publish("a", b"", 1, 0) for _ in range(MAX_IN_FLIGHT)]
    assert len(set(ids)) == MAX_IN_FLIGHT
    assert client.room == 0
    sent = client.poll(0)
    with pytest.raises(MqttUseError, match="in flight"):
        client.publish("a", b"", 1, 0)
    assert sent
    assert client.poll(0) == b""
    client.feed(b"\x40\x02" + struct.pack(">H", ids[3]), 0)
    assert client.publish("a", b"", 1, 0) not in ids


def test_packet_ids_wrap_around_those_in_flight() -> None:
    client = open_client()
    held = client.publish("a", b"", 1, 0)
    for _ in range(0xFFFF):
        packet_id = client.publish("a", b"", 1, 0)
        assert packet_id not in (0, held)
        client.feed(b"\x40\x02" + struct.pack(">H", packet_id), 0)
        client.poll(0)


def test_our_own_mistakes_are_our_error() -> None:
    client = MqttClient("PT000000018")
    with pytest.raises(MqttUseError):
        client.publish("a", b"", 0, 0)
    client.connect(0)
    with pytest.raises(MqttUseError):
        client.connect(0)
    with pytest.raises(MqttUseError):
        client.publish("a", b"", 2, 0)
    with pytest.raises(MqttUseError):
        client.publish("a" * 65, b"", 0, 0)
    with pytest.raises(MqttUseError):
        client.publish("a", bytes(MAX_MESSAGE_BYTES + 1), 0, 0)


def test_after_disconnect_nothing_more_is_sent() -> None:
    client = open_client()
    client.disconnect(0)
    assert client.poll(0) == b"\xe0\x00"
    with pytest.raises(MqttUseError):
        client.publish("a", b"", 0, 0)


@given(st.integers(0, 268_435_455))
def test_lengths_are_written_as_the_standard_reads_them(count: int) -> None:
    value = 0
    written = remaining_length(count)
    for at, byte in enumerate(written):
        value |= (byte & 0x7F) << (7 * at)
        assert bool(byte & 0x80) == (at < len(written) - 1)
    assert value == count
    assert len(written) == (1 if count < 128 else 2 if count < 16384 else 3 if count < 2097152 else 4)


MESSAGES = st.lists(
    st.tuples(st.text("abc/", min_size=1, max_size=64), st.binary(max_size=300), st.integers(0, 1)), max_size=8
)


@given(MESSAGES, st.lists(st.integers(1, 40), min_size=1))
def test_messages_come_through_however_the_stream_is_cut(wanted: list[tuple[str, bytes, int]], cuts: list[int]) -> None:
    client = open_client()
    stream = b"".join(publish(topic, payload, qos) for topic, payload, qos in wanted)
    events, at, turn = [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        events += client.feed(stream[at : at + size], 0)
        at, turn = at + size, turn + 1
    assert events == [("message", topic, payload) for topic, payload, _ in wanted]
    assert client.poll(0) == b"\x40\x02\x00\x07" * sum(qos for _, _, qos in wanted)


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_raise_anything_but_our_error_or_pile_up(data: bytes, connected: bool) -> None:
    client = open_client() if connected else MqttClient("PT000000018")
    if not connected:
        client.connect(0)
    try:
        for byte in data:
            client.feed(bytes([byte]), 0)
            if client.state == "closed":
                break
    except MqttError:
        assert client.state == "closed"


def test_no_header_makes_the_reader_keep_more_than_the_bound() -> None:
    for first in range(256):
        for length in (0, 127, MAX_REMAINING_BYTES, MAX_REMAINING_BYTES + 1, 1 << 21, (1 << 28) - 1):
            reader = PacketReader()
            reader.feed(bytes([first]) + remaining_length(length))
            try:
                reader.next()
            except MqttPeerError:
                continue
            assert length <= MAX_REMAINING_BYTES


def damaged_streams(count: int) -> list[str]:
    """Good traffic, damaged: bits flipped, bytes cut, inserted, doubled; seeded."""
    chance = random.Random(20261122)
    streams = []
    for _ in range(count):
        good = bytearray(CONNACK_OK + b"\x90\x03\x00\x01\x01" + b"\x40\x02\x00\x02")
        for _ in range(chance.randrange(3)):
            topic, payload = DOWN[: chance.randrange(1, 25)], chance.randbytes(chance.randrange(40))
            good += publish(topic, payload, chance.randrange(2))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(good))
            damage = chance.randrange(4)
            if damage == 0:
                good[at] ^= 1 << chance.randrange(8)
            elif damage == 1:
                del good[at : at + chance.randrange(1, 4)]
            elif damage == 2:
                good[at:at] = chance.randbytes(chance.randrange(1, 4))
            else:
                good += good[: chance.randrange(len(good))]
            if not good:
                break
        streams.append(bytes(good).hex())
    return streams


# Runs on both: what a client makes of each stream, one line a stream.
JUDGE = """
import sys
from binascii import unhexlify, hexlify
from adapter.mqtt import MqttClient, MqttError

def judge(stream):
    client = MqttClient("PT000000018")
    client.connect(0)
    client.subscribe("down", 0)
    client.publish("up", b"x", 1, 0)
    client.poll(0)
    try:
        events = client.feed(unhexlify(stream), 0)
    except MqttError as error:
        return "%s %s" % (type(error).__name__, error)
    out = client.poll(0) if client.state == "open" else b""
    return "%r %s %s" % (events, client.state, hexlify(out).decode())
"""


def test_both_interpreters_judge_5000_damaged_streams_alike(micropython: RunMicroPython) -> None:
    streams = damaged_streams(5000)
    names: dict[str, Any] = {}
    exec(JUDGE, names)
    here = [names["judge"](stream) for stream in streams]
    loop = "for line in sys.stdin:\n    print(judge(line.strip()))\n"
    assert micropython(JUDGE + loop, stdin="\n".join(streams)).splitlines() == here
    accepted = sum(not verdict.startswith("Mqtt") for verdict in here)
    assert 1000 < accepted < 4000


def test_a_connection_fits_in_a_small_heap(micropython: RunMicroPython) -> None:
    used = micropython(
        "import gc\n"
        "from adapter.mqtt import MqttClient, packet\n"
        "gc.collect(); before = gc.mem_alloc()\n"
        "client = MqttClient('PT000000018')\n"
        "client.connect(0); client.poll(0); client.feed(b'\\x20\\x02\\x00\\x00', 0)\n"
        "for _ in range(20):\n"
        "    client.feed(packet(3, 0, b'\\x00\\x01a' + bytes(200)), 0)\n"
        "gc.collect(); print(gc.mem_alloc() - before)\n"
    )
    assert int(used) < 6 * 1024
