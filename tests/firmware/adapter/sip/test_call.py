"""Calls between two of ours, and every race that RFC 3261 knows: one test each, by its name."""

from typing import Any

import pytest

from adapter.sip.call import RING_LIMIT_MS, TRANSITIONS
from adapter.sip.message import parse
from tests.firmware.adapter.sip.pair import BOB_NUMBER, Pair, Peer
from tests.firmware.adapter.sip.rig import ALICE, ANSWER, BOB, OFFER, kinds, taken

STATES = (
    "calling", "holding", "proceeding", "cancelling", "incoming", "ringing", "accepted", "closing", "up", "ending",
    "ended",
)  # fmt: skip
EVENTS = (
    "1xx", "2xx", "unusable", "failure", "hang_up", "ring", "answer", "cancel", "ack", "bye", "gone",
)  # fmt: skip


class Recorder:
    """Stands for agent and endpoint: writes down what a call does."""

    def __init__(self) -> None:
        self.endpoint = self
        self.events: list[Any] = []
        self.did: list[str] = []
        self.reliable = False

    def let_go(self, _call: Any) -> None:
        self.did.append("end")

    def reply(self, _received: Any, status: int, *_: Any) -> None:
        self.did.append(f"reply {status}")

    def send(self, message: Any, *_: Any) -> None:
        self.did.append(message.method)


@pytest.mark.parametrize("state", STATES)
def test_every_event_in_every_state_moves_as_the_table_says_or_not_at_all(state: str) -> None:
    table = {tuple(line.split(" ")[:2]): line.split(" ")[2:] for line in TRANSITIONS.strip().split("\n")}
    for event in EVENTS:
        pair = Pair()
        call = pair.alice.dial(BOB_NUMBER, OFFER, 0)
        recorder = Recorder()
        call._agent = call.endpoint = recorder
        call.state = state
        after, does = table.get((state, event), (state, "-"))
        assert call.handle(event, 486, "why") == ((state, event) in table)
        assert call.state == after
        assert ("end" in recorder.did) == ("end" in does.split(","))
        assert ("BYE" in recorder.did) == ("bye" in does)
        assert ("CANCEL" in recorder.did) == ("cancel" in does.split(","))
        assert ("reply 486" in recorder.did) == ("reject" in does)
        assert [event[0] for event in recorder.events] == (["ended"] if "end" in does.split(",") else [])


def test_the_table_ends_every_call_once_and_from_everywhere() -> None:
    lines = [line.split(" ") for line in TRANSITIONS.strip().split("\n")]
    silent = {"holding", "cancelling", "closing", "ending", "ended"}  # the user was told that it has ended
    for state, _, after, does in lines:
        assert ("end" in does.split(",")) == (state not in silent and after in silent), (state, after)
        assert not (state in silent and after not in silent)
    reached = {"ended"}
    for _ in STATES:
        reached |= {state for state, _, after, _ in lines if after in reached}
    assert reached == set(STATES)


# Giving up a call that is not answered.


def test_a_cancel_before_any_provisional_response_is_held_back_until_one_comes() -> None:
    pair = Pair()
    pair.network.dropped = lambda data: data.startswith(b"SIP/2.0 100")
    call = pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    pair.run(100)
    pair.alice.hang_up(call)
    assert taken(pair.alice) == [("ended", call, 487, "hung up")]
    pair.run(100)
    assert "CANCEL" not in pair.network.methods(ALICE)
    pair.network.dropped = lambda _data: False
    pair.run(1000)  # the INVITE again, and so its 100
    assert pair.network.methods(ALICE) == ["INVITE", "INVITE", "CANCEL", "ACK"]
    assert kinds(pair.bob) == ["incoming", "ended"]
    pair.rest()


def test_a_call_given_up_before_anybody_heard_of_it_is_never_cancelled_and_ends() -> None:
    pair = Pair()
    pair.network.nodes.pop(BOB)
    call = pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    pair.run(1000)
    pair.alice.hang_up(call)
    pair.network.nodes[BOB] = pair.bob
    pair.network.dropped = lambda _data: True
    pair.rest()
    assert "CANCEL" not in pair.network.methods()


def test_a_cancel_after_180_brings_487_which_is_acknowledged() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.bob.ring(theirs)
    pair.run(100)
    pair.alice.hang_up(ours)
    pair.run(100)
    assert pair.network.methods() == ["INVITE", "100", "180", "CANCEL", "200", "487", "ACK"]
    assert taken(pair.bob) == [("ended", theirs, 487, "cancelled")]
    invite, cancel = (parse(data) for _, _, data in pair.network.seen if data[:6] in (b"INVITE", b"CANCEL"))
    assert cancel.uri == invite.uri
    assert cancel.get("via") == invite.get("via")
    assert [cancel.get(name) for name in ("from", "to", "call-id")] == [
        invite.get(name) for name in ("from", "to", "call-id")
    ]
    assert cancel.cseq == (invite.cseq[0], "CANCEL")
    assert not cancel.body
    pair.rest()


def test_a_200_that_crosses_a_cancel_is_acknowledged_and_then_ended_by_bye() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.alice.hang_up(ours)
    pair.bob.answer(theirs, ANSWER)
    pair.run(100)
    assert pair.network.methods(ALICE) == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert kinds(pair.alice) == ["ended"]
    assert taken(pair.bob) == [("ended", theirs, 200, "")]
    pair.rest()


def test_a_cancel_whose_invite_never_ends_is_forgotten_in_time() -> None:
    pair = Pair()
    ours, _ = pair.dial()
    pair.network.dropped = lambda data: data.startswith(b"SIP/2.0 4")
    pair.alice.hang_up(ours)
    pair.run(10_000)
    pair.network.nodes.pop(BOB)
    pair.run(40_000)
    assert not pair.alice.endpoint.transactions
    assert pair.alice.idle


def test_a_cancel_of_nothing_is_answered_481() -> None:
    peer = Peer()
    peer.send(peer.request("CANCEL", to_tag=""))
    assert peer.statuses() == [481]


def test_answering_a_call_that_was_cancelled_meanwhile_does_nothing() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.alice.hang_up(ours)
    pair.run(100)
    pair.bob.answer(theirs, ANSWER)
    pair.bob.ring(theirs)
    pair.bob.reject(theirs, 486)
    pair.bob.hang_up(theirs)
    pair.run(100)
    assert pair.network.methods(BOB) == ["100", "200", "487"]
    assert kinds(pair.bob) == ["ended"]
    pair.rest()


# Answering.


def test_a_2xx_that_comes_again_is_acknowledged_again() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    lost = iter((True, True, False))
    pair.network.dropped = lambda data: data.startswith(b"ACK") and next(lost)
    pair.bob.answer(theirs, ANSWER)
    pair.run(5000)
    assert pair.network.methods(ALICE) == ["INVITE", "ACK", "ACK", "ACK"]
    acks = {data for _, _, data in pair.network.seen if data.startswith(b"ACK")}
    assert len(acks) == 1
    assert kinds(pair.alice) == ["answered"]
    assert (ours.state, theirs.state) == ("up", "up")


def test_a_2xx_that_is_never_acknowledged_ends_the_call_with_bye() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.network.dropped = lambda data: data.startswith(b"ACK")
    pair.bob.answer(theirs, ANSWER)
    pair.run(31_000)
    assert not taken(pair.bob)
    pair.run(2000)
    assert taken(pair.bob) == [("ended", theirs, 408, "no ACK")]
    assert taken(pair.alice)[-1] == ("ended", ours, 200, "")
    pair.rest()


def test_hanging_up_before_the_ack_holds_the_bye_back_until_it_came() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.network.dropped = lambda data: data.startswith(b"ACK")
    pair.bob.answer(theirs, ANSWER)
    pair.run(100)
    pair.bob.hang_up(theirs)
    assert kinds(pair.bob) == ["ended"]
    pair.run(300)
    assert "BYE" not in pair.network.methods(BOB)
    pair.network.dropped = lambda _data: False
    pair.run(3000)
    assert pair.network.methods(BOB)[-1] == "BYE"
    assert taken(pair.alice)[-1] == ("ended", ours, 200, "")
    pair.rest()


def test_the_caller_may_hang_up_before_its_ack_arrived_and_the_2xx_comes_to_rest_all_the_same() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    lost = iter((True, False, False))
    pair.network.dropped = lambda data: data.startswith(b"ACK") and next(lost)
    pair.bob.answer(theirs, ANSWER)
    pair.run(100)
    pair.alice.hang_up(ours)
    pair.run(10_000)
    assert kinds(pair.bob) == ["ended"]
    assert pair.network.methods(BOB).count("200") == 3  # to the INVITE twice, to the BYE once
    pair.rest()


def test_an_invite_that_comes_again_rings_once() -> None:
    pair = Pair()
    pair.network.dropped = lambda data: data.startswith(b"SIP/2.0 1")
    pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    pair.run(4000)
    assert pair.network.methods(ALICE) == ["INVITE"] * 4
    assert kinds(pair.bob) == ["incoming"]


@pytest.mark.parametrize("status", [480, 486, 603])
def test_a_refused_call_ends_with_its_status(status: int) -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.bob.reject(theirs, status)
    pair.run(100)
    assert [event[:3] for event in taken(pair.alice)] == [("ended", ours, status)]
    assert taken(pair.bob) == [("ended", theirs, status, "rejected")]
    pair.rest()


def test_a_call_that_nobody_answers_is_given_up_and_the_caller_hears_of_it() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.bob.ring(theirs)
    pair.run(RING_LIMIT_MS - 1000)
    assert kinds(pair.alice) == ["progress"] * 3  # 180 each minute, for the proxies on the way
    pair.run(2000)
    ends = taken(pair.alice) + taken(pair.bob)
    assert sorted(event[2] for event in ends) in ([408, 487], [480, 480])
    assert {event[1] for event in ends} == {ours, theirs}
    pair.rest()


def test_an_answer_without_a_session_description_ends_the_call() -> None:
    peer = Peer()
    call = peer.dialled()
    peer.answer(200, body=b"")
    assert taken(peer.agent)[-1][:3] == ("ended", call, 488)
    assert peer.methods() == ["INVITE", "ACK", "BYE"]


def test_early_media_counts_when_the_2xx_has_none() -> None:
    peer = Peer()
    call = peer.dialled()
    peer.answer(183, body=ANSWER)
    kind, _, status, description = taken(peer.agent)[0]
    assert (kind, status, description.port) == ("progress", 183, 4000)
    peer.answer(200, body=b"")
    assert taken(peer.agent) == [("answered", call, description)]


# Forks (13.2.2.4).


def test_of_two_that_answer_the_first_has_the_call_and_the_other_is_acknowledged_and_ended() -> None:
    peer = Peer()
    call = peer.dialled()
    peer.answer(180, tag="one")
    peer.answer(180, tag="two")
    peer.answer(200, tag="two", body=ANSWER)
    peer.answer(200, tag="one", body=ANSWER)
    assert kinds(peer.agent) == ["progress", "progress", "answered"]
    assert peer.methods() == ["INVITE", "ACK", "ACK", "BYE"]
    assert ["one" in each.get("to") for each in peer.received[1:]] == [False, True, True]
    peer.answer(200, tag="one", body=ANSWER)
    peer.answer(200, tag="two", body=ANSWER)
    assert peer.methods()[4:] == ["ACK", "ACK"]
    assert call.state == "up"
    assert peer.received[-1].get("to").endswith("two")


def test_no_number_of_forks_makes_us_keep_more_than_a_few() -> None:
    peer = Peer()
    call = peer.dialled()
    for at in range(50):
        peer.answer(200, tag=f"fork{at}", body=ANSWER)
    assert len(call._acks) == 4
    assert call.state == "up"


# Ending.


def test_bye_crossing_bye_is_answered_200_on_both_sides() -> None:
    pair = Pair()
    ours, theirs = pair.talk()
    pair.network.seen.clear()
    pair.alice.hang_up(ours)
    pair.bob.hang_up(theirs)
    pair.run(100)
    assert sorted(pair.network.methods()) == ["200", "200", "BYE", "BYE"]
    assert (kinds(pair.alice), kinds(pair.bob)) == (["ended"], ["ended"])
    pair.rest()


def test_a_lost_bye_is_sent_again_and_a_late_one_is_answered_again() -> None:
    pair = Pair()
    ours, _ = pair.talk()
    pair.network.seen.clear()
    lost = iter((True, True, False, False))
    pair.network.dropped = lambda data: data.startswith(b"SIP/2.0 200") and next(lost)
    pair.alice.hang_up(ours)
    pair.run(5000)
    assert pair.network.methods() == ["BYE", "200"] * 3
    assert kinds(pair.bob) == ["ended"]
    pair.rest()


def test_a_bye_to_a_peer_that_is_gone_ends_in_time() -> None:
    pair = Pair()
    ours, _ = pair.talk()
    pair.network.nodes.pop(BOB)
    pair.alice.hang_up(ours)
    pair.run(40_000)
    assert pair.alice.idle
    assert not pair.alice.endpoint.transactions
