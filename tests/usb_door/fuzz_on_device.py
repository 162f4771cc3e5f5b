"""Runs under MicroPython: frames, most of them broken, at the link of a unit in each of the modes below.

Arguments: the mode, a seed, how many frames. Prints a line: frames, answers, bytes of heap grown. An AssertionError
says what went wrong, with the seed and the frame's number: a unit that raises, says its key or takes what it must not.
"""

import gc
import random
import sys
from binascii import crc32

from adapter import factory_reset
from adapter.crypto import p256
from adapter.factory import FactoryLink
from adapter.identity import KEYED, LOCKED, Identity, IdentityStore
from adapter.locked_link import LockedLink
from adapter.reset_wish import wish
from ports.unix.flash import Partition
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_layouts import TYPES
from protocol.wire.mac import MacAddress
from protocol.wire.messages import pack, unpack

MODE, SEED, COUNT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SERIAL = "PT000000018"
BLOCK = 4096
SIZES = {"identity": 8, "scratch": 1, "settings": 1, "call_log": 1, "event_log": 1, "journal": 1, "data": 1}
SLOW = 400  # of so many frames one makes a key
CHUNK = 700
GROWN_BYTES = 4096  # a garbage collector is not exact
ANSWERS = {
    "locked": ("hello_reply", "done"),
    "reset": ("hello_reply", "done", "challenge"),
    "half": ("hello_reply", "done", "challenge"),  # it was reset, and has the key of its next epoch
    "factory": ("hello_reply", "done", "csr", "self_test_report", "clock", "calibration"),
}
OK = 0


class RamFlash:
    block_bytes = BLOCK

    def __init__(self):
        self.bytes = bytearray(b"\xff" * (BLOCK * sum(SIZES.values())))
        self._partitions = {}
        at = 0
        for name, blocks in SIZES.items():
            self._partitions[name] = Partition(self, name, at, blocks * BLOCK)
            at += blocks * BLOCK

    def partition(self, name):
        return self._partitions[name]

    def readinto(self, offset, buffer):
        buffer[:] = memoryview(self.bytes)[offset : offset + len(buffer)]

    def program(self, offset, data):
        self.bytes[offset : offset + len(data)] = data

    def erase(self, offset, length):
        self.bytes[offset : offset + length] = b"\xff" * length


class Usb:
    dropped = 0


class Board:
    name, hardware_revision, uid = "simulated", 2, bytes(8)
    usb = Usb()
    bench = None

    def __init__(self, flash):
        self.partition = flash.partition

    def led(self, pattern):
        pass

    def button(self):
        return False

    def ethernet_up(self):
        return True

    def entropy(self, count):
        return bytes([random.getrandbits(8) for _ in range(count)])


class Clock:
    now_us = 0

    def us(self):
        self.now_us += 7
        return self.now_us

    def ms(self):
        return self.us() // 1000


def identity():
    private = p256.make_key(bytes(32), b"a key that must never be spoken." + b"")
    blobs = (
        b"\x30certificate",
        b"\x30anchors",
        b"{}",
        b"",
        p256.public_key((7).to_bytes(32, "big")),
        b"\x80\x00\x80\x00",
    )
    mac = MacAddress(b"\x00\x1a\x2b\x3c\x4d\x5e")
    return Identity(LOCKED, 1, 2, mac, "US", SERIAL, "simulated", private, p256.public_key(private), blobs)


def unit(flash, clock):
    """The link in its mode, and the private key to listen for."""
    store, board, private = IdentityStore(flash.partition("identity")), Board(flash), b"\0" * 33
    if MODE != "factory":
        known = identity()
        private = known.private
        if MODE == "half":
            known = known.but(stage=KEYED)
        for _ in range(2):
            store.store(known)
    if MODE == "locked":
        return LockedLink(known, board, "1.0.0", clock.ms), private
    if MODE == "reset":
        wish(flash.partition("scratch"))
        factory_reset.carry_out(flash)
    return FactoryLink(store, board, "1.0.0", clock.us), private


BEGIN = {"serial": SERIAL, "mac": b"\x00\x1a\x2b\x3c\x4d\x5e", "epoch": 2, "hardware_revision": 2, "country": "US",
         "entropy": bytes(32)}  # fmt: skip


def questions():
    token = pack("provisioning_token", {"station": "bench-1", "serial": SERIAL, "epoch": 2, "challenge": bytes(32),
                                        "issued_s": 0})  # fmt: skip
    asked = [
        ("hello", {}), ("factory_reset", {}), ("lock", {}), ("run_self_test", {}), ("read_clock", {}),
        ("calibrate", {"clock_ppm": 32768}), ("ask_challenge", {"station": "bench-1"}), ("restart", {}),
        ("authorize_provisioning", {"token": token, "signature": p256.sign((8).to_bytes(32, "big"), bytes(32))}),
        ("put_blob", {"blob": 0, "total_bytes": 900, "offset": 0, "data": b"\x30" * 300}),
        ("put_blob", {"blob": 4, "total_bytes": 65, "offset": 0, "data": bytes(65)}),
        ("finish_provisioning", {"certificate_sha256": bytes(32)}), ("loader_hello", {}), ("loader_run", {}),
    ]  # fmt: skip
    begins = [pack("begin_provisioning", dict(BEGIN, epoch=epoch), 7, 9) for epoch in (1, 2)]
    return [pack(name, values, 7, 9) for name, values in asked] + (begins if MODE != "factory" else []), begins[1]


def mutated(payload, other):
    """A neighbour of `payload`: whole, bent, cut, grown, or crossed with `other`."""
    way = random.getrandbits(3)
    data = bytearray(payload)
    if way == 0 or not data:
        return bytes(data)
    at = random.randrange(len(data))
    if way <= 2:
        for _ in range(1 + random.getrandbits(2)):
            at = random.randrange(len(data))
            data[at] ^= 1 << random.getrandbits(3)
    elif way == 3:
        data[at] = random.getrandbits(8)
    elif way == 4:
        data = data[:at]
    elif way == 5:
        data = data + bytes([random.getrandbits(8) for _ in range(random.getrandbits(6))])
    elif way == 6:
        data = data[:at] + other[at:]
    else:
        data[0] = random.choice((64, 65, 67, 69, 73, 75, 79, 82, 96, 100, 104, 112, random.getrandbits(8)))
    return bytes(data)


def framed(payload):
    """As the link wants it, most times; else with bytes wrong, its end missing, or too long."""
    way = random.getrandbits(5)
    if way > 4 or len(payload) > 4000:
        return encode_frame(payload[:4096])
    frame = bytearray(encode_frame(payload))
    if way == 0:
        frame[random.randrange(len(frame))] = random.getrandbits(8)
    elif way == 1:
        frame = frame[:-1]
    elif way == 2:
        frame = frame[random.randrange(len(frame)) :]
    elif way == 3:
        return bytes([1 + random.getrandbits(6) for _ in range(random.getrandbits(5))]) + bytes(frame)
    else:
        return b"A" * (64 << random.getrandbits(3)) + bytes(frame)
    return bytes(frame)


def wrong(link, answers, private, before, flash):
    """What the unit did that it must not, or ""."""
    for payload in answers:
        message = unpack(payload)
        if message.name not in ANSWERS[MODE]:
            return "answers " + message.name
        if MODE != "factory" and message.name == "done" and message["result"] == OK:
            return "says ok"
        if private in payload:
            return "says its key"
    if MODE != "factory" and crc32(flash.bytes) != before:
        return "writes its flash"
    if MODE == "factory" and link.identity is not None:
        if link.identity.provisioned:
            return "is provisioned"
        if link.identity.private in b"".join(answers):
            return "says its key"
    if MODE != "factory" and link.restart_wanted:
        return "restarts"
    return ""


def run():
    random.seed(SEED)
    flash, clock = RamFlash(), Clock()
    link, private = unit(flash, clock)
    asked, begin = questions()
    before, answered, heap = crc32(flash.bytes), 0, 0
    for number in range(COUNT):
        slow = MODE == "factory" and number % SLOW == SLOW - 1
        base = begin if slow else random.choice(asked)
        data = framed(mutated(base, random.choice(asked)))
        if slow and unpack_type(data) != 65:
            data = encode_frame(begin)
        reader, answers = FrameReader(), []
        for at in range(0, len(data), CHUNK):
            answers += reader.feed(link.feed(data[at : at + CHUNK]))
        answered += len(answers)
        fault = wrong(link, answers, private, before, flash) if answers or not number % 64 else ""
        assert not fault, f"seed {SEED}, frame {number}: {fault} after {data[:80]!r}"
        if MODE == "factory":
            link.restart_wanted = False
        data = answers = reader = None  # or the last frame's bytes would count as grown
        if number == COUNT // 4:
            heap = in_use(link)
    grown = in_use(link) - heap
    assert grown < GROWN_BYTES, f"seed {SEED}: the heap grew by {grown} bytes"
    before_barrier = link.feed(b"\0" + encode_frame(pack("hello", {}, 1, 4711)))
    assert unpack(FrameReader().feed(before_barrier)[-1]).sequence == 4711, "no answer to hello any more"
    print(COUNT, answered, grown)


def unpack_type(frame):
    payloads = FrameReader().feed(frame)
    return payloads[0][0] if payloads and payloads[0] else -1


def in_use(link):
    """Bytes of heap, without the blobs that a station may put: they have a bound of their own."""
    link.feed(b"\0")
    if MODE == "factory":
        link._blobs = {}
    gc.collect()
    gc.collect()
    return gc.mem_alloc()


assert TYPES
run()
