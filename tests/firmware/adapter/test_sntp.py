"""SNTP: one question, and every reason not to believe an answer."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.sntp import KissError, SntpError, TimeServers, is_answer, read_answer, request
from tests.conftest import RunMicroPython

COOKIE = bytes(range(1, 9))
NOW_MS = 1_795_388_154_250
SECONDS_1900_TO_1970 = 2_208_988_800


def stamp(utc_ms: int) -> bytes:
    seconds = utc_ms // 1000 + SECONDS_1900_TO_1970
    return struct.pack(">II", seconds % (1 << 32), -(-(utc_ms % 1000 << 32) // 1000))


def answer(
    *, first: int = 0x24, stratum: int = 2, delay: int = 0, dispersion: int = 0, reference: bytes = b"TEST",
    cookie: bytes = COOKIE, received_ms: int = NOW_MS, sent_ms: int = NOW_MS,
) -> bytes:  # fmt: skip
    head = struct.pack(">BBbbII4s", first, stratum, 0, -20, delay, dispersion, reference)
    return head + stamp(received_ms) + cookie + stamp(received_ms) + stamp(sent_ms)


def test_the_request_holds_nothing_but_version_mode_and_the_cookie() -> None:
    assert request(COOKIE) == b"\x23" + bytes(39) + COOKIE


def test_the_time_is_the_servers_plus_half_the_way() -> None:
    assert read_answer(answer(), COOKIE, 0) == NOW_MS
    assert read_answer(answer(), COOKIE, 80) == NOW_MS + 40
    assert read_answer(answer(received_ms=NOW_MS - 30), COOKIE, 80) == NOW_MS + 25


def test_after_2036_the_seconds_start_again_from_zero() -> None:
    later = 2_200_000_000_000
    assert read_answer(answer(received_ms=later, sent_ms=later), COOKIE, 0) == later


@pytest.mark.parametrize(
    "faulty",
    [
        answer(first=0x23),  # a client's packet
        answer(first=0x1C),  # version 3
        answer(first=0xE4),  # leap indicator: not synchronised
        answer(stratum=16),
        answer(delay=3 << 16),
        answer(dispersion=3 << 15),
        answer(received_ms=NOW_MS + 1, sent_ms=NOW_MS),
        answer(received_ms=NOW_MS - 5000),
        answer()[:40] + bytes(8),
        answer()[:47],
        answer(cookie=bytes(8)),
    ],
)
def test_an_answer_not_to_be_believed_is_refused(faulty: bytes) -> None:
    with pytest.raises(SntpError):
        read_answer(faulty, COOKIE, 10)


def test_noise_is_told_from_answers_by_the_cookie() -> None:
    assert is_answer(answer(), COOKIE)
    assert not is_answer(answer(cookie=b"\x00" + COOKIE[1:]), COOKIE)
    assert not is_answer(b"", COOKIE)


@pytest.mark.parametrize("code", ["DENY", "RSTR"])
def test_a_server_that_denies_us_is_not_asked_again(code: str) -> None:
    servers = TimeServers(["first", "second"])
    with pytest.raises(KissError) as kiss:
        read_answer(answer(stratum=0, reference=code.encode()), COOKIE, 0)
    servers.failed(kiss.value)
    for _ in range(3):
        assert servers.current() == "second"
        servers.failed(None)
    servers.failed(kiss.value)
    assert servers.current() is None


def test_servers_are_asked_in_turn() -> None:
    servers = TimeServers(["first", "second", "third"])
    asked = []
    for _ in range(6):
        asked.append(servers.current())
        servers.failed(KissError("RATE"))
    assert asked == ["first", "second", "third"] * 2


@given(st.binary(max_size=100), st.integers(0, 5000))
def test_no_packet_raises_anything_but_our_error(data: bytes, round_trip_ms: int) -> None:
    for packet in (data, data[:24] + COOKIE + data[24:]):
        with contextlib.suppress(SntpError):
            read_answer(packet, COOKIE, round_trip_ms)


def test_micropython_reads_the_same_time(micropython: RunMicroPython) -> None:
    script = (
        "from binascii import unhexlify\nimport sys\nfrom adapter.sntp import read_answer\n"
        "print(read_answer(unhexlify(sys.argv[1]), bytes(range(1, 9)), 80))"
    )
    assert int(micropython(script, answer().hex())) == NOW_MS + 40
