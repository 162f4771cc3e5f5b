"""One call's sound: both ends on one network that does nothing, or something, to the packets."""

import struct
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.media.g711 import ALAW, MULAW
from adapter.media.rtp import CLOCK_MASK, Reception
from adapter.media.samples_plain import decode, encode
from adapter.media.stream import Stream
from tests.conftest import RunMicroPython
from tests.firmware.adapter.media.rtp_judge import Judge
from tests.firmware.adapter.media.sounds import FRAME, packets, rtp, samples, source, tone
from tests.firmware.adapter.media.virtual_call import Call, Network

EVENTS = (101, 101)


def stream(codec: str = "PCMU", ptime_ms: int = 20, seed: int = 1) -> Stream:
    return Stream(codec, ptime_ms, EVENTS, source(seed))


def heard(ear: Stream) -> list[int]:
    pcm = bytearray(2 * FRAME)
    ear.pull(pcm)
    return samples(pcm)


def test_the_buffers_of_a_call_that_is_over_serve_the_next_which_hears_nothing_of_it() -> None:
    old = stream()
    for number in range(60):
        packet = rtp(number, 160 * number, bytes(160))  # as loud as can be
        old.push(packet, len(packet), 20 * number)
        heard(old)
    new = Stream("PCMU", 20, EVENTS, source(3), old)
    assert new.packet is old.packet
    assert new.buffer.ring is old.buffer.ring
    packet = rtp(0, 0, b"\xff" * 160)
    new.push(packet, len(packet), 0)
    for _ in range(20):
        assert max(map(abs, heard(new))) < 100


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.parametrize("ptime_ms", [10, 20, 30])
def test_what_one_end_says_the_other_hears_frame_by_frame(codec: str, ptime_ms: int) -> None:
    mouth, ear = stream(codec, ptime_ms), stream(seed=2)
    said: list[int] = []
    got: list[int] = []
    for number in range(150):
        pcm = tone(number)
        said += samples(pcm)
        for packet in packets(mouth, pcm, 20 * number):
            assert len(packet) == 12 + 8 * ptime_ms
            ear.push(packet, len(packet), 20 * number)
        got += heard(ear)
    first = next(at for at, sample in enumerate(got) if abs(sample) > 8)
    delay = next(d for d in range(first - 2, first + 1) if abs(got[d + 100] - said[100]) < 300)
    assert delay <= 480  # 60 ms, of which 10 may be of a packet of 30
    assert all(abs(g - s) <= 260 for g, s in zip(got[delay:], said, strict=False))  # half of mu-law's step at 8000
    assert (ear.reception.lost, ear.buffer.late, ear.concealed) == (0, 0, 0)
    assert ear.reception.received == mouth.sent == 3000 // ptime_ms


def test_packets_have_the_header_of_the_rfc() -> None:
    mouth = stream("PCMA", 20)
    first, second = packets(mouth, tone(0), 0) + packets(mouth, tone(1), 20)
    flags, kind, sequence, timestamp, ssrc = struct.unpack(">BBHII", first[:12])
    assert (flags, kind, ssrc) == (0x80, 0x88, mouth.ssrc)  # the first of a talkspurt has the marker
    assert struct.unpack(">BBHII", second[:12]) == (0x80, 8, sequence + 1, timestamp + 160, mouth.ssrc)
    assert (mouth.sent, mouth.sent_octets, mouth.timestamp_ms) == (2, 320, 20)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30])
def test_a_judge_finds_nothing_wrong_with_what_is_sent(ptime_ms: int) -> None:
    assert Judge(said_by(stream(ptime_ms=ptime_ms)), EVENTS[0]).faults == []


def test_a_broken_sequence_number_is_seen_by_judge_and_ear(monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Stream._finish

    def stuck(self: Stream, kind: int, marker: int, count: int) -> int:
        length: int = finish(self, kind, marker, count)
        self._sequence -= self.sent % 7 == 0
        return length

    monkeypatch.setattr(Stream, "_finish", stuck)
    sent = said_by(stream())
    assert Judge(sent, EVENTS[0]).faults
    said, call = tones(100), Call(tones(100), Network(source(1)))
    assert not is_all_there(said, call)


def tones(frames: int) -> bytes:
    return b"".join(bytes(tone(number)) for number in range(frames))


def is_all_there(said: bytes, call: Call) -> bool:
    """Whether what was heard is what was said, through the codec and nothing else, from some moment on."""
    codes = bytearray(len(said) // 2)
    line = array("h", bytes(len(said)))
    encode(said, 0, len(codes), call.mouth.codec == "PCMA", codes, 0)
    for at in range(0, len(codes), 1024):
        part = codes[at : at + 1024].ljust(1024, b"\0")
        decode(part, 0, min(1024, len(codes) - at), ALAW if call.mouth.codec == "PCMA" else MULAW, line, at)
    return line.tobytes() in call.heard


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.parametrize("ptime_ms", [10, 20, 30])
@pytest.mark.parametrize("jitter_ms", [0, 4])
def test_without_loss_every_frame_is_there_as_it_was_said(codec: str, ptime_ms: int, jitter_ms: int) -> None:
    said = tones(600)
    call = Call(said, Network(source(3), 0.0, jitter_ms), codec, ptime_ms)
    assert is_all_there(said, call)
    assert (call.ear.buffer.late, call.ear.reception.lost) == (0, 0)


def said_by(mouth: Stream) -> list[bytes]:
    return [packet for number in range(100) for packet in packets(mouth, tone(number), 20 * number)]


def test_timestamps_and_numbers_wrap() -> None:
    mouth = Stream("PCMU", 20, EVENTS, lambda count: b"\xff" * count)
    heads = [struct.unpack(">HI", packets(mouth, tone(n), 0)[0][2:8]) for n in range(3)]
    assert heads == [(0xFFFF, 0xFFFFFFFF), (0, 159), (1, 319)]


def test_muted_sends_silence_and_held_sends_nothing_but_time_goes_on() -> None:
    mouth = stream()
    mouth.muted = True
    (silent,) = packets(mouth, tone(0), 0)
    assert silent[12:] == b"\xff" * 160
    mouth.muted, mouth.direction = False, "recvonly"
    assert packets(mouth, tone(1), 20) == []
    mouth.direction = "sendrecv"
    (again,) = packets(mouth, tone(2), 40)
    assert again[1] == 0x80  # marker
    assert int.from_bytes(again[4:8], "big") - int.from_bytes(silent[4:8], "big") == 320


def test_nothing_is_heard_before_the_first_packet_and_while_held() -> None:
    ear = stream()
    assert heard(ear) == [0] * 160
    for number in range(10):
        ear.push(rtp(number, 160 * number, b"\x00" * 160), 172, 20 * number)
        heard(ear)
    ear.direction = "sendonly"
    assert heard(ear) == [0] * 160


def test_a_peer_that_stops_loses_nothing_and_one_that_pauses_did() -> None:
    call = Call(tones(100), Network(source(1)))
    assert (call.ear.concealed, call.ear.bursts.packets) == (0, 102)  # two of the silence before the first
    ear = stream()
    for number in range(60):
        if not 20 <= number < 26:
            ear.push(rtp(number, 160 * number, b"\x10" * 160), 172, 20 * number)
        heard(ear)
    assert (ear.concealed, ear.reception.lost) == (6, 6)


def test_a_collision_changes_our_source_once_and_an_echo_is_heard() -> None:
    mouth = stream()
    ours = mouth.ssrc
    for number in range(12):
        for packet in packets(mouth, tone(number), 20 * number):
            mouth.push(packet, len(packet), 20 * number)
        heard(mouth)
    assert mouth.ssrc != ours
    assert mouth.reception.peer_ssrc == mouth.ssrc
    assert max(heard(mouth)) > 4000


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["PCMU", "PCMA"]), st.sampled_from([0, 10, 20, 25, 30, 60, 500])), max_size=40)
)
def test_codec_and_ptime_may_change_at_any_frame_and_nothing_is_left_out(changes: list[tuple[str, int]]) -> None:
    mouth, ear = stream("PCMU", 30), Reception()
    follows = None
    for number, (codec, ptime_ms) in enumerate(changes):
        mouth.codec, mouth.ptime_ms = codec, ptime_ms
        for packet in packets(mouth, tone(number), 20 * number):
            assert ear.accept(packet, len(packet), 20 * number) in (0, 8)
            assert follows in (None, ear.timestamp)
            follows = ear.timestamp + len(packet) - 12 & CLOCK_MASK
            assert len(packet) <= 12 + 480
    assert ear.lost == 0


NO_ALLOCATION = """
import micropython
from adapter.media.stream import Stream
from tests.firmware.adapter.media.sounds import rtp, source, tone
from tests.firmware.adapter.media.virtual_call import Network
stream = Stream({codec!r}, {ptime}, (101, 101), source(1))
pcm, out = tone(1), bytearray(320)
network = Network(source(6), 0.05, {jitter})
arrivals = []
for n in range(350):
    arrivals += [(at_ms, rtp(n, 160 * n, tone(n)[:160])) for at_ms in network.arrivals(b"", 20 * n)]
arrivals.append((7050, rtp(350, 160 * 350, b"\\x30", 13)))
arrivals.sort()
frames = [[packet for at_ms, packet in arrivals if 20 * n <= at_ms < 20 * n + 20] for n in range(400)]
begun = stream.buffer.play
def call():
    now_ms = 0
    for packets in frames:
        for packet in packets:
            stream.push(packet, len(packet), now_ms)
        stream.pull(out)
        if now_ms == 2000:
            stream.digit("7", True)
        if now_ms == 2100:
            stream.digit("7", False)
        length = stream.send(pcm, now_ms)
        while length:
            length = stream.more()
        now_ms += 20
micropython.heap_lock()
try:
    call()
finally:
    micropython.heap_unlock()
print(stream.frames, stream.sent, stream.concealed, stream.buffer.late, stream.buffer.play - 160 * stream.frames)
"""


@pytest.mark.parametrize(("codec", "ptime_ms", "sent"), [("PCMU", 20, 400), ("PCMA", 10, 792), ("PCMU", 30, 268)])
@pytest.mark.parametrize("jitter_ms", [0, 40])
def test_no_frame_allocates(micropython: RunMicroPython, codec: str, ptime_ms: int, sent: int, jitter_ms: int) -> None:
    script = NO_ALLOCATION.format(codec=codec, ptime=ptime_ms, jitter=jitter_ms)
    frames, there, concealed, late, moved = map(int, micropython(script, heap="2M").split())
    assert there == sent
    assert frames >= 395
    assert concealed > 15  # the way of a lost frame was walked too, and
    assert (late > 0, moved != 0) == (jitter_ms > 0, jitter_ms > 0)  # that of a late one, and that of a moved place


def test_another_source_is_heard_from_its_third_packet_on_whatever_its_clock_says() -> None:
    ear = stream()
    for number in range(20):
        ear.push(rtp(number, 160 * number, b"\x90" * 160), 172, 20 * number)
        heard(ear)
    for number in range(8):  # its clock is 60 ms behind: by the other's, all of it is late
        ear.push(rtp(9000 + number, 160 * (20 + number) - 480, b"\x10" * 160, ssrc=7), 172, 400 + 20 * number)
        last = heard(ear)
        if number == 2:
            assert ear.buffer.running
    assert min(last) < -9000  # the code 0x10
    assert (ear.buffer.late, ear.buffer.discarded) == (0, 0)


def test_a_peer_that_changes_its_law_is_understood_and_nothing_of_the_old_one_by_the_new() -> None:
    ear = stream()
    loudest = 0
    for number in range(40):
        kind, silence = (0, b"\xff") if number < 20 else (8, b"\xd5")
        ear.push(rtp(number, 160 * number, silence * 160, kind), 172, 20 * number)
        loudest = max(loudest, *map(abs, heard(ear)))
    assert loudest == 8  # A-law has no zero


def test_the_place_moves_into_nothing_that_is_missing() -> None:
    ear = stream()
    ear.buffer.wish = lambda: 300
    for number in range(30):
        if number != 20:
            ear.push(rtp(number, 160 * number, b"\x90" * 160), 172, 20 * number)
        before = ear.buffer.play
        beyond = ear.buffer.run(160, 32)  # the shortest period
        ear._whole = 20  # as far as that goes, it may move
        heard(ear)
        if beyond < 32:
            assert ear.buffer.play == before + 160
    assert ear.buffer.play > 160 * 30  # elsewhere it does move
