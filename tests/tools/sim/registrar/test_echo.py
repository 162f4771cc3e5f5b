"""What comes back of what somebody says, and what is reported of it: against the firmware's own stream."""

from __future__ import annotations

import random
from collections.abc import Callable

from adapter.media.rtcp import Rtcp
from adapter.media.stream import Stream
from tests.firmware.adapter.media import rtcp_packets as packets
from tools.sim.registrar.echo import RTP_TIMEOUT_MS, Echo


def seeded(seed: int) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def talk(frames: int, lost: Callable[[int], bool] = lambda _frame: False) -> tuple[Stream, Rtcp, Echo]:
    """So many frames of 20 ms to an echo and back, 30 ms each way, reports too; what `lost` says never arrives."""
    stream, echo = Stream("PCMU", 20, (101, 101), seeded(1)), Echo(seeded(2), 0)
    rtcp = Rtcp(stream, seeded(3))
    way: list[tuple[int, Callable[[bytes, int], object], bytes]] = []
    pcm = bytearray(320)

    def back(data: bytes, now_ms: int) -> None:
        if sent := echo.rtp(data, now_ms):
            way.append((now_ms + 30, lambda came, at: stream.push(came, len(came), at), sent))

    for frame in range(frames):
        now_ms = 20 * frame
        for due in [each for each in way if each[0] <= now_ms]:
            way.remove(due)
            due[1](due[2], now_ms)
        if (length := stream.send(pcm, now_ms)) and not lost(frame):
            way.append((now_ms + 30, back, bytes(stream.packet[:length])))
        if length := rtcp.poll(now_ms):
            way.append((now_ms + 30, echo.rtcp, bytes(rtcp.packet[:length])))
        if report := echo.poll(now_ms):
            way.append((now_ms + 30, lambda came, at: rtcp.feed(came, len(came), at), report))
        stream.pull(pcm)
    return stream, rtcp, echo


def test_all_comes_back_under_another_source_and_the_round_trip_is_measured() -> None:
    stream, rtcp, echo = talk(2000)
    heard = stream.reception
    assert heard.peer_ssrc == echo.ssrc != stream.ssrc
    assert (heard.lost, stream.sent - heard.received) == (0, 4)  # those are on the way
    assert 60 <= rtcp.round_trip_ms <= 100  # 60, and up to 20 ms at each end: it looks each frame
    assert stream.concealed == 0


def test_what_was_lost_is_reported() -> None:
    _, _, echo = talk(1000, lambda frame: frame % 50 == 7)
    report = None
    while report is None:
        report = echo.poll(30_000)
    found = packets.parse(report).values
    _, _, lost, *_ = found["blocks"][0]
    assert int.from_bytes(lost, "big") == 20
    assert found["loss"] == 20 * 256 // 998
    assert echo.goodbye(30_000)


def test_on_hold_nothing_comes_back_but_what_comes_is_counted() -> None:
    echo = Echo(seeded(1), 0)
    stream = Stream("PCMU", 20, (101, 101), seeded(2))
    echo.sends = False
    length = stream.send(bytearray(320), 0)
    assert echo.rtp(bytes(stream.packet[:length]), 0) is None
    assert echo.reception.received == 1
    assert echo.sent == 0


def test_what_is_no_rtp_is_dropped_and_silence_is_noticed() -> None:
    echo = Echo(seeded(1), 1000)
    assert echo.rtp(b"nonsense", 1000) is None
    echo.rtcp(b"nonsense" * 1000, 1000)
    assert not echo.is_deserted(1000 + RTP_TIMEOUT_MS)
    assert echo.is_deserted(1001 + RTP_TIMEOUT_MS)
