"""Mutants of the RFCs' examples against the SIP parsers, here and under MicroPython: nothing but SipError, no leak.

Of a seed always the same mutants come. Both interpreters must make the same of each; the heap may not grow.
"""

from __future__ import annotations

import os
import random
import re
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import micropython_path
from tests.firmware.adapter.sip.examples import examples, messages
from tests.firmware.adapter.sip.fuzzing.outcome import ASKED, KINDS, Tally, outcome
from tests.firmware.fuzzing.mutations import BYTE_WAYS

ROOT = Path(__file__).parents[5]
MAX_CASE_MS = 250.0
MAX_HEAP_GROWTH_BYTES = 1024  # whatever the count
TIMEOUT_S = 300
_MAX_FAULTS = 20  # enough to go by
_HEAP = "256K"  # little, so that one that hoards is seen
_MAX_BYTES = 4200  # a little over what the parser takes
_SHARES = (0, 0, 0, 0, 1, 2, 3, 4)  # of KINDS
_WORDS = (
    b'"', b"<", b">", b"\\", b"%", b"%00", b";", b",", b"=", b":", b"@", b"\r\n ", b"\r\n\t", b"\r\n", b"\n", b"\r",
    b"\r\n\r\n", b"[::1]", b"*", b"4294967296", b"99999999999999999999", b"-1", b"00", b"\xc3\xa9", b"\xff", b"\x00",
    b";;;;;;;;", b",,,,,,,,", b'"\\"', b"SIP/2.0", b"sip:", b"tel:+1", b"l: 5\r\n", b"v: SIP/2.0/UDP h\r\n", b"branch=",
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", b"m=audio 9 RTP/AVP 0 8", b"qop=", b"algorithm=SHA-256", b"nonce=",
)  # fmt: skip
_TAKEN_FOR_UTF_8 = re.compile(rb"[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3}")
_NOT_UTF_8 = re.compile(rb"[\x80-\xff]")
CHALLENGES = (
    b'Digest realm="atlanta.com", domain="sip:ss1.carrier.com", qop="auth,auth-int", nonce="f84f1cec41e6", opaque="",'
    b" stale=FALSE, algorithm=MD5",
    b'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4U"',
    b'Digest nonce="a", realm="b", algorithm=SHA-256-sess',
)
ADDRESSES = (
    b'"A. G. Bell" <sip:agb%40x:pw@[2001:db8::10]:5070;lr;transport=udp?subject=x> ;tag=a48s;q="0.7"',
    b"tel:+358-555-1234567;postd=pp22",
    b"SIP / 2.0 / UDP first.example.com: 4000;ttl=16;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1;received=192.0.2.1",
)


def _name(text: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".")) + b"\0"


def _dns_answer() -> bytes:
    """NAPTR, SRV and A records, with names that point back."""

    def record(kind: int, data: bytes, name: bytes = b"\xc0\x0c") -> bytes:
        return name + struct.pack(">HHIH", kind, 1, 3600, len(data)) + data

    naptr = struct.pack(">HH", 50, 50) + b"\x01s\x07SIP+D2U\x00" + b"\x04_sip\x04_udp\xc0\x0c"
    srv = struct.pack(">HHH", 1, 10, 5060) + b"\x03one\xc0\x0c"
    records = record(35, naptr) + record(33, srv) + record(33, srv, _name("x.example")) + record(1, b"\xc0\0\2\7")
    return ASKED[:2] + struct.pack(">HHHHH", 0x8180, 1, 4, 0, 0) + ASKED[12:] + records


def seeds() -> dict[str, list[bytes]]:
    """What the mutants of each kind are made of."""
    return {
        "message": [data for _, data in messages()],
        "sdp": [data for _, data in examples("sdp")],
        "challenge": list(CHALLENGES),
        "uri": list(ADDRESSES),
        "dns": [_dns_answer()],
    }


def _word(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(_WORDS) * chance.choice((1, 1, 1, 2, 70)) + data[at:]


def _lines(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A line goes, comes twice, changes places or comes from another message."""
    lines = data.split(b"\r\n")
    at, other = chance.randrange(len(lines)), chance.choice(others).split(b"\r\n")
    kind = chance.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at:at] = [lines[at]] * chance.choice((1, 2, 70, 300))
    elif kind == 2:
        to = chance.randrange(len(lines))
        lines[at], lines[to] = lines[to], lines[at]
    elif kind == 3:
        lines.insert(at, chance.choice(other))
    else:
        lines[at] = chance.choice(other)
    return b"\r\n".join(lines)


_WAYS: tuple[Callable[[bytes, list[bytes], random.Random], bytes], ...] = (
    *BYTE_WAYS,
    _word,
    _word,
    _word,
    _lines,
    _lines,
)


def changed(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """`data` in one to six ways another; lines may come from `others`."""
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        data = chance.choice(_WAYS)(data, others, chance)
    return data


def mutants(seed: int, count: int) -> list[tuple[str, bytes]]:
    """`count` mutants with their kinds; the first ones are the examples as they are."""
    chance = random.Random(f"sip/{seed}")
    sources = seeds()
    told = [(kind, data) for kind in KINDS for data in sources[kind]]
    while len(told) < count:
        kind = KINDS[chance.choice(_SHARES)]
        data = changed(chance.choice(sources[kind]), sources[kind], chance)
        if kind == "dns" and chance.random() < 0.7:  # past the question
            data = sources[kind][0][: len(ASKED)] + data[len(ASKED) :]
        told.append((kind, data[:_MAX_BYTES]))
    return told[:count]


def fuzz(seed: int, count: int) -> tuple[int, list[str]]:
    """(mutants that are taken, what went wrong)."""
    told = mutants(seed, count)
    there = on_device(told)
    taken, faults = 0, list[str]()
    for (kind, data), found in zip(told, there[:-1], strict=False):
        if len(faults) == _MAX_FAULTS:
            break
        tally = Tally()
        started = time.process_time()
        try:
            taken += outcome(kind, data, tally)
        except Exception as error:
            faults.append(f"{kind}: CPython raised {error!r}: {data!r}")
            continue
        took_ms = (time.process_time() - started) * 1000
        if found != f"{tally.crc:08x}" and not _loose(data):
            faults.append(f"{kind}: {found}, {_difference(kind, data)}: {data!r}")
        if took_ms > MAX_CASE_MS:
            faults.append(f"{kind}: {took_ms:.0f} ms: {data!r}")
    if len(there) != count + 1:
        faults.append(f"MicroPython answered {len(there) - 1} of {count} cases, last {there[-1:]}")
    elif int(there[-1].split()[1]) > MAX_HEAP_GROWTH_BYTES:
        faults.append(f"the heap grew: {there[-1]} bytes in {count} cases")
    return taken, faults


def _loose(data: bytes) -> bool:
    """Whether a line of it is UTF-8 for MicroPython, which takes overlong forms and surrogates, but not for CPython."""
    for line in data.split(b"\n"):
        try:
            line.decode()
        except UnicodeError:
            if not _NOT_UTF_8.search(_TAKEN_FOR_UTF_8.sub(b"", line)):
                return True
    return False


def _difference(kind: str, data: bytes) -> str:
    """Where what the two make of a mutant parts."""
    tally = Tally(True)
    outcome(kind, data, tally)
    there, here = on_device([(kind, data)], "words")[0], repr(tally.words)
    at = next((at for at, (one, other) in enumerate(zip(there, here, strict=False)) if one != other), 0)
    return f"MicroPython ...{there[max(0, at - 40) : at + 80]!r}, CPython ...{here[max(0, at - 40) : at + 80]!r}"


def on_device(told: list[tuple[str, bytes]], *arguments: str) -> list[str]:
    """The lines that on_device.py prints of the mutants."""
    done = subprocess.run(
        [micropython_path(), "-X", f"heapsize={_HEAP}", str(Path(__file__).with_name("on_device.py")), *arguments],
        input=b"".join(struct.pack(">BH", KINDS.index(kind), len(data)) + data for kind, data in told),
        capture_output=True, check=False, timeout=TIMEOUT_S,
        env={**os.environ, "MICROPYPATH": f"{ROOT}:{ROOT / 'firmware'}:.frozen"},
    )  # fmt: skip
    return done.stdout.decode(errors="replace").splitlines()
