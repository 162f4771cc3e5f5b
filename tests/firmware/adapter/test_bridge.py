"""The unit's end of the bridge, against the computer's end, and against computers that mean it ill."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.bridge import Bridge
from protocol.host import structs
from protocol.host.table import MESSAGES
from protocol.host.vectors import greatest, typical
from protocol.wire.layouts import MAX_MESSAGE_BYTES
from protocol.wire.link import encode_frame
from tests.firmware.bridge_pair import (
    ADDRESS,
    IN_PROGRESS,
    PEER,
    SERVERS,
    STREAM,
    Bytes,
    Closed,
    Datagram,
    Lost,
    Pair,
    Wanted,
    connect,
    error_of,
)
from tools.usb_bridge.events import Attached

PEER_ADDRESS = bytes((198, 51, 100, 9, 5060 >> 8, 5060 & 0xFF))
MAX_OUT = 24
MAX_WAITING_BYTES = 4096
BLOCK = bytes(range(256)) * 40


def udp(pair: Pair, count: int) -> object:
    """The line's socket: of SIP (count 1) or RTP (2)."""
    flow = pair.bridge.socket(2, 2)
    port = pair.bridge.free_port(count)
    flow.bind(pair.bridge.getaddrinfo("0.0.0.0", port)[0][-1])
    return flow


def test_a_unit_is_on_the_network_once_its_line_has_its_ports() -> None:
    pair = Pair()
    pair.auto = False
    pair.run()
    assert not pair.bridge.alive()
    for wanted in pair.of(Wanted):
        assert (wanted.kind, wanted.host) == ("udp", "")
        pair.session.opened(wanted.flow, wanted.local_port or 5062, ("0.0.0.0", 0))
        pair.run()
    assert pair.bridge.alive()
    assert (pair.bridge.address, pair.bridge.servers) == (ADDRESS, list(SERVERS))
    sip, rtp, rtcp = pair.of(Wanted)
    assert pair.bridge.free_port(1) == 5062
    assert (sip.dscp, rtp.dscp, rtcp.dscp) == (24, 46, 46)
    assert rtp.local_port % 2 == 0
    assert (pair.bridge.free_port(2), rtcp.local_port) == (rtp.local_port, rtp.local_port + 1)


def test_a_port_that_is_taken_is_asked_for_anew() -> None:
    pair = Pair()
    pair.ports_taken = 1
    pair.run()
    assert not pair.bridge.alive()
    pair.run(1.0)
    assert pair.bridge.alive()
    assert pair.bridge.free_port(2)


CHUNKS = st.lists(st.integers(1, 2000), max_size=12)


@settings(deadline=None, max_examples=30)
@given(up=CHUNKS, down=CHUNKS, reads=st.lists(st.integers(40, 700), min_size=1, max_size=20))
def test_bytes_of_a_tcp_flow_arrive_whole_and_in_order(up: list[int], down: list[int], reads: list[int]) -> None:
    pair = Pair().attach()
    flow, number = pair.tcp()
    wanted_up, wanted_down = BLOCK[: sum(up) % len(BLOCK)], BLOCK[: sum(down) % len(BLOCK)]
    sent = got_down = b""
    at = turn = 0
    view = bytearray(700)
    while len(sent) < len(wanted_up) or len(got_down) < len(wanted_down):
        if len(sent) < len(wanted_up):
            count = flow.write(wanted_up[len(sent) : len(sent) + (up[turn % len(up)])]) or 0
            assert count <= 512
            sent += wanted_up[len(sent) : len(sent) + count]
        room = min(pair.session.room(number), len(wanted_down) - at)
        if room:
            pair.session.send(number, wanted_down[at : at + room])
            at += room
        pair.run()
        count = flow.readinto(memoryview(view)[: reads[turn % len(reads)]]) or 0
        got_down += view[:count]
        turn += 1
        assert turn < 40_000
    pair.session.ended(number, "end")
    pair.run()
    assert flow.readinto(view) == 0
    assert b"".join(event.data for event in pair.of(Bytes)) == wanted_up
    assert got_down == wanted_down
    assert (pair.session.dropped, pair.bridge.dropped) == (0, 0)


def test_connecting_says_how_it_stands_as_a_socket_does() -> None:
    pair = Pair().attach()
    pair.auto = False
    flow = pair.bridge.socket(2, STREAM)
    assert connect(flow, ("fleet.test", 8883)) == IN_PROGRESS
    assert connect(flow, None) == errno.EALREADY
    assert flow.write(b"early") is None
    pair.run()
    wanted = pair.of(Wanted)[-1]
    assert (wanted.host, wanted.port) == ("fleet.test", 8883)
    pair.session.opened(wanted.flow, 1, PEER)
    pair.run()
    assert connect(flow, None) == errno.EISCONN
    assert flow.write(b"now") == 3


@pytest.mark.parametrize(
    ("reason", "number"),
    [
        ("refused", errno.ECONNREFUSED), ("unreachable", errno.EHOSTUNREACH), ("timeout", errno.ETIMEDOUT),
        ("no_address", errno.EHOSTUNREACH), ("not_allowed", errno.EACCES), ("too_many", errno.ENOBUFS),
        ("reset", errno.ECONNRESET),
    ],
)  # fmt: skip
def test_a_flow_that_cannot_be_says_why(reason: str, number: int) -> None:
    pair = Pair().attach()
    pair.auto = False
    flow = pair.bridge.socket(2, STREAM)
    connect(flow, ("fleet.test", 8883))
    pair.run()
    pair.session.ended(pair.of(Wanted)[-1].flow, reason)
    pair.run()
    assert connect(flow, None) == number


def test_the_line_hears_its_peer_and_only_that_once_it_is_connected() -> None:
    pair = Pair().attach()
    rtp = udp(pair, 2)
    rtp.sendto(b"frame", PEER_ADDRESS)
    pair.run()
    (sent,) = pair.of(Datagram)
    assert (sent.place, sent.data) == (PEER, b"frame")
    pair.session.send_datagram(sent.flow, PEER, b"one")
    pair.session.send_datagram(sent.flow, ("203.0.113.1", 9), b"two")
    pair.run()
    assert rtp.recvfrom(100) == (b"one", PEER_ADDRESS)
    assert rtp.recv(2, 2) == b"tw"  # a peek
    assert rtp.recvfrom(100)[0] == b"two"
    assert error_of(rtp.recvfrom, 100) == errno.EAGAIN
    rtp.connect(PEER_ADDRESS)
    pair.session.send_datagram(sent.flow, ("203.0.113.1", 9), b"stranger")
    pair.session.send_datagram(sent.flow, PEER, b"friend")
    pair.run()
    view = bytearray(10)
    assert rtp.readinto(view) == 6
    assert rtp.readinto(view) is None


def test_a_port_of_the_line_is_bound_once_and_again_after_it_was_closed() -> None:
    pair = Pair().attach()
    rtp = udp(pair, 2)
    with pytest.raises(OSError, match=str(errno.EADDRINUSE)):
        udp(pair, 2)
    rtp.close()
    rtp.close()
    assert udp(pair, 2)
    assert not pair.of(Closed)  # the computer keeps it open


def test_a_question_to_one_host_goes_out_at_once_and_its_answer_comes_back() -> None:
    pair = Pair().attach()
    pair.auto = False
    asking = pair.bridge.socket(2, 2)
    asking.connect(("time.test", 123))
    asking.send(b"what time is it")
    pair.run()
    number = pair.of(Wanted)[-1].flow
    assert pair.events[-1] == Datagram(number, None, b"what time is it")
    pair.session.opened(number, 1, PEER)
    pair.session.send_datagram(number, PEER, b"noon")
    pair.run()
    assert asking.recv(100) == b"noon"


def test_a_datagram_never_waits_for_more_than_one_piece_of_tcp() -> None:
    pair = Pair().attach()
    flow, _ = pair.tcp()
    rtp = udp(pair, 2)
    pair.taken = False
    assert flow.write(b"a" * 2000) == 512
    assert flow.write(b"a" * 2000) is None
    rtp.sendto(b"frame", PEER_ADDRESS)
    assert flow.ioctl(3, 4) == 0
    pair.taken = True
    mark = len(pair.sent)
    pair.run()
    assert [message.name for message in pair.sent[mark:]] == ["piece_out", "datagram_out"]
    assert flow.ioctl(3, 4) == 4


def test_a_computer_that_does_not_read_costs_a_unit_datagrams_and_then_the_session() -> None:
    pair = Pair().attach()
    rtp = udp(pair, 2)
    pair.taken = False
    errors = [error_of(rtp.sendto, b"frame", PEER_ADDRESS) for _ in range(20)]
    assert errors[0] == 0
    assert errors[-1] == errno.ENOBUFS
    for _ in range(MAX_OUT):
        pair.bridge.send(106, bytes(3), b"")
    assert not pair.bridge.alive()
    assert len(pair.bridge.out) <= MAX_OUT


@pytest.mark.parametrize("how", ["silent", "restarted", "cable"])
def test_with_the_session_end_all_flows(how: str) -> None:
    pair = Pair().attach()
    before = pair.bridge.number
    flow, _ = pair.tcp()
    rtp = udp(pair, 2)
    if how == "silent":
        pair.time += 3.1
        assert not pair.bridge.alive()
    elif how == "restarted":
        pair.new_session()
        pair.run()
        assert pair.bridge.alive()
        assert pair.bridge.number > before
    else:
        pair.bridge.close()
        pair.run()
        assert pair.of(Lost)[-1].why == "the unit has an Ethernet link"
    assert error_of(flow.write, b"x") == errno.ECONNRESET
    assert error_of(flow.readinto, bytearray(5)) == errno.ECONNRESET
    assert error_of(rtp.sendto, b"x", PEER_ADDRESS) == errno.ECONNRESET
    flow.close()
    rtp.close()


def test_a_unit_that_began_anew_or_fell_silent_is_missed() -> None:
    pair = Pair().attach()
    pair.bridge = Bridge(pair._put, lambda: int(1000 * pair.time), lambda count: b"\x17" * count)
    pair.run(2.0)
    assert [event.why for event in pair.of(Lost)] == ["the unit began anew"]
    assert pair.bridge.alive()
    pair.taken = False
    pair.run(4.0)
    assert pair.of(Lost)[-1].why == "the unit does not answer"
    assert len(pair.of(Attached)) == 2


def test_replayed_frames_change_nothing() -> None:
    pair = Pair().attach()
    flow, number = pair.tcp()
    pair.session.send(number, b"once")
    pair.run()
    frames, dropped = list(pair.heard), pair.bridge.dropped
    state = (pair.bridge.number, len(pair.bridge.flows), pair.bridge.waiting)
    for code in frames:
        pair.bridge.feed(code)
    assert pair.bridge.dropped == dropped + len(frames)
    assert (pair.bridge.number, len(pair.bridge.flows), pair.bridge.waiting) == state
    view = bytearray(100)
    assert flow.readinto(view) == 4
    assert flow.readinto(view) is None


def test_a_huge_limit_is_worth_a_piece_at_a_time() -> None:
    pair = Pair().attach()
    flow, number = pair.tcp()
    pair.say("limit_in", {"flow": number, "limit": 0xFFFFFFFF})
    assert flow.write(bytes(100_000)) == 512
    pair.taken = False
    assert flow.write(bytes(100_000)) == 512
    assert flow.write(bytes(100_000)) is None


@pytest.mark.parametrize("offset", [0, 1, 4, 400])
def test_a_piece_that_is_not_the_next_or_too_much_ends_the_flow(offset: int) -> None:
    pair = Pair().attach()
    flow, number = pair.tcp()
    pair.session.send(number, b"data")
    pair.run()
    pair.say("piece_in", {"flow": number, "offset": offset, "data": bytes(512)})
    pair.run()
    closed = pair.sent[-1]
    assert closed.name == "flow_close"
    assert closed["reason"] == (11 if offset == 4 else 10)
    assert error_of(flow.write, b"x") == errno.ECONNRESET
    assert flow.readinto(bytearray(10)) == 4


def test_what_is_for_an_unknown_flow_is_answered_so_and_no_more() -> None:
    pair = Pair().attach()
    mark = len(pair.sent)
    number = pair.sent[-1].boot_id
    sequence = 1 << 20
    for name, values in (
        ("piece_in", {"flow": 999, "offset": 0, "data": b"x"}),
        ("datagram_in", {"flow": 999, "address": bytes(4), "port": 1, "data": b""}),
        ("limit_in", {"flow": 999, "limit": 1}),
        ("flow_ended", {"flow": 999, "reason": 0}),
        ("flow_opened", {"flow": 999, "local_port": 1, "address": bytes(4), "port": 1, "limit": 1}),
    ):
        sequence += 1
        pair.say(name, values, number, sequence)
    pair.run()
    assert [(message.name, message["reason"]) for message in pair.sent[mark:]] == [("flow_close", 9)] * 2


def test_datagrams_that_nobody_reads_are_bounded() -> None:
    pair = Pair().attach()
    udp(pair, 1)
    number = pair.of(Wanted)[0].flow
    for at in range(40):
        values = {"flow": number, "address": bytes(4), "port": 1, "data": bytes(2048 if at % 2 else 300)}
        pair.say("datagram_in", values, sequence=1000 + at)
    assert 0 < pair.bridge.waiting <= MAX_WAITING_BYTES


HOST_MESSAGES = [row for row in MESSAGES if 121 <= row[0] <= 127]
BODIES = st.binary(max_size=40) | st.builds(
    lambda flow, rest: flow.to_bytes(2, "big") + rest, st.integers(0, 6), st.binary(max_size=40)
)
PAYLOADS = st.binary(max_size=60) | st.builds(
    lambda *parts: struct.pack(">BBII", *parts[:4]) + parts[4],
    st.integers(100, 130), st.integers(0, 2), st.sampled_from((0, 1001, 1001, 1001, 7)), st.integers(0, 1 << 20),
    BODIES,
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(payloads=st.lists(PAYLOADS, max_size=60))
def test_whatever_a_computer_says_the_unit_stands_and_stays_within_its_bounds(payloads: list[bytes]) -> None:
    pair = Pair().attach()
    flow, _ = pair.tcp()
    rtp = udp(pair, 2)
    view = bytearray(300)
    for payload in payloads:
        pair.bridge.feed(encode_frame(payload)[:-1])
        pair.bridge.feed(payload)  # and without a frame around it
        error_of(flow.write, b"x")
        error_of(flow.readinto, view)
        error_of(rtp.sendto, b"x", PEER_ADDRESS)
        assert pair.bridge.waiting <= MAX_WAITING_BYTES
        assert len(pair.bridge.out) <= MAX_OUT
        assert len(pair.bridge.flows) <= 8
    flow.close()
    rtp.close()
    assert pair.bridge.waiting >= 0


@pytest.mark.parametrize("row", HOST_MESSAGES, ids=lambda row: row[1])
@pytest.mark.parametrize("values_of", [typical, greatest])
def test_the_forms_in_the_code_are_those_of_the_table(row: tuple, values_of: object) -> None:
    """By the second codec: a byte less is refused, one more too; a newer version's is read as far as it is known."""
    pair = Pair().attach()
    _, number = pair.tcp()
    values = values_of(row[3])
    if "flow" in values:
        values["flow"] = number
    values |= {"reason": 1} if "reason" in values else {}
    data = structs.build_message(row[1], values, pair.sent[-1].boot_id, 1 << 20)
    for wrong in (data[:-1], data + b"\x00"):
        before = pair.bridge.dropped
        if len(wrong) <= MAX_MESSAGE_BYTES:
            pair.bridge.feed(encode_frame(wrong)[:-1])
            assert pair.bridge.dropped == before + 1, row[1]
    newer = data[:1] + b"\x02" + data[2:] + b"new"
    before = pair.bridge.dropped
    pair.bridge.feed(encode_frame(newer)[:-1])
    fits = row[1] in ("bridge_hello", "flow_ended", "limit_in", "piece_in")  # a TCP flow that is open takes these
    assert pair.bridge.dropped == before + (not fits)
