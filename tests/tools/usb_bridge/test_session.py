"""The computer's end of the bridge: who goes first, what is bounded, and units that mean it ill."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.wire.link import FrameReader
from protocol.wire.messages import Message, pack, unpack
from tools.usb_bridge.events import Attached, Bytes, Closed, Lost, Wanted
from tools.usb_bridge.session import MAX_FIRST, MAX_FLOWS, WINDOW_BYTES, Session

NUMBER = 77
OPEN = {"flow": 1, "kind": 0, "port": 443, "local_port": 0, "dscp": 0, "limit": 4096, "host": "fleet.test"}
UDP = {"flow": 2, "kind": 1, "port": 0, "local_port": 0, "dscp": 46, "limit": 0, "host": ""}
SOURCE = ("198.51.100.9", 4000)


class Rig:
    """A session with a unit attached; `say` is the unit, `frames` what it would get next."""

    def __init__(self) -> None:
        self.session = Session(lambda: NUMBER, "192.0.2.7", ())
        self.sequence = 0
        self.session.poll(1.0)
        assert [message.name for message in self.frames()] == ["bridge_hello"]
        assert self.say("bridge_answer", {"unit": 5}) == [Attached()]

    def say(self, name: str, values: dict[str, object], number: int = NUMBER) -> list[object]:
        self.sequence += 1
        return list(self.session.feed(pack(name, values, number, self.sequence), 1.0))

    def frames(self) -> list[Message]:
        found = []
        while (frame := self.session.next_frame()) is not None:
            found += [unpack(payload) for payload in FrameReader().feed(frame)]
        return found

    def tcp(self, flow: int = 1) -> None:
        assert isinstance(self.say("flow_open", {**OPEN, "flow": flow})[0], Wanted)
        self.session.opened(flow, 1, SOURCE)
        self.frames()


def test_datagrams_go_before_tcp_data_and_flows_of_tcp_take_turns() -> None:
    rig = Rig()
    rig.tcp(1)
    rig.tcp(3)
    rig.say("flow_open", UDP)
    for flow in (1, 1, 3, 3):
        rig.session.send(flow, bytes(512))
    first = rig.session.next_frame()
    assert first
    assert rig.session.send_datagram(2, SOURCE, b"voice")
    rest = [(message.name, message["flow"]) for message in rig.frames()]
    assert rest == [("datagram_in", 2), ("piece_in", 3), ("piece_in", 1), ("piece_in", 3)]


def test_the_end_of_a_flow_comes_behind_its_last_bytes() -> None:
    rig = Rig()
    rig.tcp()
    rig.session.send(1, b"last words")
    rig.session.ended(1, "end")
    assert rig.session.room(1) == 0
    assert [message.name for message in rig.frames()] == ["piece_in", "flow_ended"]


def test_room_is_what_the_unit_allows_and_a_piece_at_most() -> None:
    rig = Rig()
    rig.tcp()
    assert rig.session.room(1) == 512
    for _ in range(8):
        rig.session.send(1, bytes(512))
    assert rig.session.room(1) == 0
    rig.say("limit_out", {"flow": 1, "limit": 4100})
    assert rig.session.room(1) == 4
    rig.say("limit_out", {"flow": 1, "limit": 4000})  # a limit never shrinks
    assert rig.session.room(1) == 4


def test_a_unit_that_sends_more_than_it_may_or_leaves_bytes_out_loses_the_flow() -> None:
    rig = Rig()
    rig.tcp()
    for at in range(0, WINDOW_BYTES, 512):
        assert rig.say("piece_out", {"flow": 1, "offset": at, "data": bytes(512)}) == [Bytes(1, bytes(512))]
    assert rig.say("piece_out", {"flow": 1, "offset": WINDOW_BYTES, "data": b"x"}) == [Closed(1, "over_limit")]
    rig.tcp(3)
    assert rig.say("piece_out", {"flow": 3, "offset": 1, "data": b"x"}) == [Closed(3, "bytes_lost")]


def test_flows_are_bounded_and_the_next_is_told_so() -> None:
    rig = Rig()
    for flow in range(1, MAX_FLOWS + 1):
        rig.tcp(flow)
    assert rig.say("flow_open", {**OPEN, "flow": 99}) == []
    assert [(message.name, message["flow"], message["reason"]) for message in rig.frames()] == [("flow_ended", 99, 7)]


def test_datagrams_for_a_unit_that_does_not_read_are_lost_and_bounded() -> None:
    rig = Rig()
    rig.say("flow_open", UDP)
    taken = [rig.session.send_datagram(2, SOURCE, b"voice") for _ in range(MAX_FIRST + 10)]
    assert taken.count(True) <= MAX_FIRST
    assert not taken[-1]
    assert not rig.session.send_datagram(2, SOURCE, bytes(2049))


def test_late_and_foreign_messages_change_nothing() -> None:
    rig = Rig()
    assert rig.say("flow_open", OPEN, number=NUMBER + 1) == []
    rig.sequence -= 2
    assert rig.say("flow_open", OPEN) == []
    assert rig.session.dropped == 2


def test_a_silent_unit_is_lost_after_3_s_and_the_next_session_has_another_number() -> None:
    rig = Rig()
    rig.tcp()
    assert not [event for event in rig.session.poll(3.9) if isinstance(event, Lost)]
    assert isinstance(rig.session.poll(4.1)[0], Lost)
    hello = rig.frames()[-1]
    assert hello.name == "bridge_hello"
    assert hello.boot_id != NUMBER


def test_hellos_do_not_pile_up_for_a_unit_that_is_not_there() -> None:
    session = Session(lambda: NUMBER, "192.0.2.7", ())
    for second in range(100):
        session.poll(float(second))
    assert session.next_frame() is not None
    assert session.next_frame() is None


PAYLOADS = st.binary(max_size=60) | st.builds(
    lambda kind, number, sequence, flow, rest: struct.pack(">BBIIH", kind, 1, number, sequence, flow) + rest,
    st.integers(104, 109), st.sampled_from((NUMBER, NUMBER, 3)), st.integers(0, 1 << 20), st.integers(0, 4),
    st.binary(max_size=40),
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(payloads=st.lists(PAYLOADS, max_size=60))
def test_whatever_a_unit_says_the_session_stands_and_stays_within_its_bounds(payloads: list[bytes]) -> None:
    rig = Rig()
    rig.tcp()
    for payload in payloads:
        for event in rig.session.feed(payload, 1.0):
            if isinstance(event, Wanted):
                rig.session.opened(event.flow, 1, SOURCE)
            elif isinstance(event, Bytes):
                rig.session.passed_on(event.flow, len(event.data))
        assert 0 <= rig.session.room(1) <= 512
    assert len(rig.frames()) <= MAX_FIRST + 2 * len(payloads)
