"""SRTP: the vectors of RFC 3711 and libsrtp, an independent implementation, attackers, and its cost on MicroPython."""

from __future__ import annotations

import hashlib
import hmac
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.media.srtp import KEY_BYTES, MAX_PACKET_BYTES, ROOM_BYTES, SUITE, Srtp, SrtpError
from tests.conftest import RunMicroPython
from tests.firmware.adapter.media import srtp_oracle as oracle

SUITES = {SUITE: 10, "AES_CM_128_HMAC_SHA1_32": 4}
MASTER = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6")  # RFC 3711 B.3
OTHER = bytes(range(KEY_BYTES))
SSRC = 0xCAFEBABE
SEED = 20261123


def rtp(number: int, payload: bytes = b"\xab" * 160, ssrc: int = SSRC, head: bytes = b"") -> bytes:
    return struct.pack(">BBHII", 0x80 | len(head) // 4, 0, number, 160 * number, ssrc) + head + payload


def rtcp(ssrc: int = SSRC, words: int = 6) -> bytes:
    return struct.pack(">BBHI", 0x81, 200, words, ssrc) + b"\xab" * 4 * (words - 1)


def protect(end: Srtp, packet: bytes) -> bytes:
    buffer = bytearray(packet) + bytearray(ROOM_BYTES)
    return bytes(buffer[: end.protect(buffer, len(packet))])


def unprotect(end: Srtp, packet: bytes) -> bytes:
    """What it was, b"" if it is dropped."""
    buffer = bytearray(packet)
    return bytes(buffer[: end.unprotect(buffer, len(packet))])


def ends(suite: str = SUITE) -> tuple[Srtp, Srtp]:
    return Srtp(MASTER, OTHER, suite), Srtp(OTHER, MASTER, suite)


# The book


def test_the_oracle_is_rfc_3711s_b_2_and_b_3() -> None:
    key, salt = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"), 0xF0F1F2F3F4F5F6F7F8F9FAFBFCFD
    stream = oracle.keystream(key, salt << 16, 48).hex().upper()
    assert stream[:64] == "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
    assert stream[64:] == "41E95B3BB0A2E8DD477901E4FCA894C0"
    assert oracle.derived(MASTER, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert oracle.derived(MASTER, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert oracle.derived(MASTER, 1, 20).hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"


def test_libsrtps_packets_are_ours() -> None:
    plain = bytes.fromhex("800f1234decafbadcafebabe" + "ab" * 16)
    cipher = "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
    assert protect(Srtp(MASTER, OTHER, SUITE), plain).hex() == cipher
    assert unprotect(Srtp(OTHER, MASTER, SUITE), bytes.fromhex(cipher)) == plain
    report = bytes.fromhex("81c8000bcafebabe" + "ab" * 16)
    cipher = "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798"
    assert unprotect(Srtp(OTHER, MASTER, SUITE), bytes.fromhex(cipher)) == report


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SUITES)), st.integers(0, 65535), st.integers(0, 0xFFFFFFFF), st.binary(max_size=400),
    st.integers(0, 15), st.binary(min_size=30, max_size=30),
)  # fmt: skip
def test_any_packet_is_protected_as_by_the_book(
    suite: str, number: int, ssrc: int, payload: bytes, sources: int, master: bytes
) -> None:
    packet = rtp(number, payload, ssrc, bytes(range(4 * sources)))
    sealed = protect(Srtp(master, OTHER, suite), packet)
    assert sealed == oracle.protected(master, packet, 0, SUITES[suite], 12 + 4 * sources)
    assert unprotect(Srtp(OTHER, master, suite), sealed) == packet


def test_an_extension_of_the_header_stays_readable() -> None:
    packet = bytes([0x90]) + rtp(7)[1:12] + b"\xbe\xde\x00\x01extn" + b"speech"
    sealed = protect(ends()[0], packet)
    assert sealed == oracle.protected(MASTER, packet, 0, 10, 20)
    assert unprotect(ends()[1], sealed) == packet


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 60), st.integers(1, 5))
def test_reports_are_protected_as_by_the_book(words: int, count: int) -> None:
    near, far = ends("AES_CM_128_HMAC_SHA1_32")  # its reports have the long tag all the same, RFC 4568 6.2.2
    for index in range(count):
        sealed = protect(near, rtcp(words=words))
        assert sealed == oracle.protected_rtcp(MASTER, rtcp(words=words), index)
        assert unprotect(far, sealed) == rtcp(words=words)


# The rollover counter


def test_the_counter_goes_on_where_the_sequence_number_begins_again() -> None:
    near, far = ends()
    for turn in (65536, 2 * 65536, 3 * 65536):
        for at in (turn - 30_000, *range(turn - 9, turn + 9), turn + 20_000):
            sealed = protect(near, rtp(at & 0xFFFF))
            assert sealed == oracle.protected(MASTER, rtp(at & 0xFFFF), at >> 16, 10)
            assert unprotect(far, sealed) == rtp(at & 0xFFFF)


def test_packets_that_come_late_over_the_turn_are_still_read() -> None:
    near, far = ends()
    sealed = [protect(near, rtp(at & 0xFFFF)) for at in range(65526, 65546)]
    order = [0, 1, 2, 13, 3, 12, 4, 19, 5, 6, 18, 7, 8, 9, 10, 11, 17, 14, 16, 15]
    for at in order:
        assert unprotect(far, sealed[at]) == rtp((65526 + at) & 0xFFFF)


# Attackers


def test_no_packet_is_taken_twice_nor_one_that_is_too_old_to_tell() -> None:
    near, far = ends()
    sealed = [protect(near, rtp(at)) for at in range(100, 400)]
    chance = random.Random(SEED)
    taken: list[int] = []
    for _ in range(3000):
        latest = max(taken, default=0)
        at = min(299, max(0, latest + chance.randrange(-90, 4)))
        got = unprotect(far, sealed[at])
        fresh = at not in taken and at > latest - 64
        assert bool(got) == (fresh or not taken)
        taken += [at] if got else []
    assert len(taken) > 120


def test_no_report_is_taken_twice() -> None:
    near, far = ends()
    sealed = protect(near, rtcp())
    assert unprotect(far, sealed)
    assert not unprotect(far, sealed)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("make", [rtp(500), rtcp()])
def test_a_changed_bit_anywhere_or_a_cut_is_dropped_and_teaches_nothing(suite: str, make: bytes) -> None:
    near, far = ends(suite)
    sealed = protect(near, make)
    chance = random.Random(SEED)
    for _ in range(150):
        forged = bytearray(sealed)
        forged[chance.randrange(len(forged))] ^= 1 << chance.randrange(8)
        assert not unprotect(far, bytes(forged))
    for length in range(len(sealed)):
        assert not unprotect(far, sealed[:length])
    assert unprotect(far, sealed) == make


def test_a_forged_packet_far_ahead_does_not_turn_the_counter() -> None:
    near, far = ends()
    first = protect(near, rtp(65000))
    assert unprotect(far, first)
    for number in (100, 40_000, 0):
        assert not unprotect(far, rtp(number) + bytes(10))
    assert unprotect(far, protect(near, rtp(65001))) == rtp(65001)


def test_another_source_has_a_counter_of_its_own_and_coming_back_opens_nothing() -> None:
    near, far = ends()
    old = protect(near, rtp(10))
    assert unprotect(far, old)
    other = oracle.protected(MASTER, rtp(60_000, ssrc=77), 0, 10)
    assert unprotect(far, other) == rtp(60_000, ssrc=77)
    assert not unprotect(far, old)
    assert not unprotect(far, other)
    assert unprotect(far, protect(near, rtp(11))) == rtp(11)


def test_no_more_than_four_sources_are_kept() -> None:
    _, far = ends()
    taken = [bool(unprotect(far, oracle.protected(MASTER, rtp(5, ssrc=ssrc), 0, 10))) for ssrc in range(6)]
    assert taken == [True] * 4 + [False] * 2


def test_reports_in_clear_are_not_taken() -> None:
    clear = rtcp() + struct.pack(">I", 0)
    tag = hmac.new(oracle.derived(MASTER, 4, 20), clear, hashlib.sha1).digest()[:10]
    assert not unprotect(ends()[1], clear + tag)


@pytest.mark.parametrize("length", [0, 1, 11, 12, 21, 22, MAX_PACKET_BYTES, MAX_PACKET_BYTES + 1, 3000])
@pytest.mark.parametrize("first", [b"\x80\x00", b"\x9f\x00", b"\x8f\x80", b"\x80\xc8", b"\x00\x00", b"\xff\xff"])
def test_what_is_no_packet_is_dropped(first: bytes, length: int) -> None:
    assert not unprotect(ends()[1], (first + b"\xff" * length)[:length])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_dropped_without_harm(data: bytes) -> None:
    assert not unprotect(FAR, data)


FAR = ends()[1]


def test_keys_and_buffers_that_do_not_fit_are_refused() -> None:
    for tx, rx, suite in ((MASTER[1:], OTHER, SUITE), (MASTER, b"", SUITE), (MASTER, OTHER, "F8_128_HMAC_SHA1_80")):
        with pytest.raises(SrtpError):
            Srtp(tx, rx, suite)
    with pytest.raises(SrtpError):
        ends()[0].protect(bytearray(172 + ROOM_BYTES - 1), 172)


# On the unit

SCRIPT = """
import gc, micropython, sys, time
from adapter.media.srtp import Srtp
master, other, count = bytes.fromhex(sys.argv[1]), bytes(range(30)), int(sys.argv[2])
near, far = Srtp(master, other, "AES_CM_128_HMAC_SHA1_80"), Srtp(other, master, "AES_CM_128_HMAC_SHA1_80")
plain = bytes.fromhex(sys.stdin.read())
buffer = bytearray(plain) + bytearray(14)
wrong = 0
for number in range(65500, 65500 + count):
    buffer[:172] = plain
    buffer[2], buffer[3] = number >> 8 & 255, number & 255
    length = near.protect(buffer, 172)
    if number in (65500, 65540):
        print(buffer[:length].hex())
    wrong += far.unprotect(buffer, length) != 172 or buffer[12:172] != plain[12:]
print(wrong)
gc.collect()
gc.disable()
used, started_us = gc.mem_alloc(), time.ticks_us()
for number in range(65500 + count, 65700 + count):
    buffer[2], buffer[3] = number >> 8 & 255, number & 255
    near.protect(buffer, 172)
took_us, grown = time.ticks_diff(time.ticks_us(), started_us), gc.mem_alloc() - used
print(grown // 200, took_us // 200)
"""


def test_micropython_protects_the_same_and_allocates_only_what_sha1_does(micropython: RunMicroPython) -> None:
    first, later, wrong, cost = micropython(SCRIPT, MASTER.hex(), 200, stdin=rtp(0).hex()).splitlines()
    for sealed, at in ((first, 65500), (later, 65540)):
        packet = rtp(at & 0xFFFF)[:4] + rtp(0)[4:]
        assert sealed == oracle.protected(MASTER, packet, at >> 16, 10).hex()
    assert wrong == "0"
    allocated_bytes, took_us = map(int, cost.split())
    print(f"SRTP: {allocated_bytes} bytes and {took_us} us a packet")
    assert allocated_bytes <= 640


FUZZ = """
import sys
from adapter.media.srtp import Srtp
far = Srtp(bytes(range(30)), bytes.fromhex(sys.argv[1]), "AES_CM_128_HMAC_SHA1_80")
for line in sys.stdin:
    data = bytearray(bytes.fromhex(line.strip()))
    print(far.unprotect(data, len(data)))
"""


def test_both_interpreters_take_the_same_of_genuine_forged_and_replayed_packets(micropython: RunMicroPython) -> None:
    chance = random.Random(SEED)
    near, far = ends()
    told: list[bytes] = []
    for number in range(300):
        sealed = protect(near, rtcp() if number % 10 == 0 else rtp(65400 + number & 0xFFFF, chance.randbytes(20)))
        told.append(sealed)
        forged = bytearray(chance.choice(told))
        for _ in range(chance.randrange(3)):
            forged[chance.randrange(len(forged))] = chance.randrange(256)
        told.append(bytes(forged[: chance.randrange(1, len(forged) + 60)]))
    printed = micropython(FUZZ, MASTER.hex(), stdin="".join(data.hex() + "\n" for data in told)).split()
    assert [int(each) for each in printed] == [far.unprotect(bytearray(data), len(data)) for data in told]
    assert sum(each != "0" for each in printed) >= 300
