"""Hold and resume: re-INVITEs that meet, overtake, fail, or bring their offer late (RFC 3261 14, 3264)."""

from typing import Any

from tests.firmware.adapter.sip.pair import Pair, Peer
from tests.firmware.adapter.sip.rig import ANSWER, BOB, HELD, OFFER, kinds, taken


def test_hold_and_resume_by_either_side() -> None:
    pair = Pair()
    ours, theirs = pair.talk()
    for user, other, call, far in ((pair.alice, pair.bob, ours, theirs), (pair.bob, pair.alice, theirs, ours)):
        for sdp, direction in ((HELD, "sendonly"), (OFFER, "sendrecv")):
            user.hold(call, sdp)
            pair.run(100)
            ((kind, held, description),) = taken(other)
            assert (kind, held, description.direction) == ("offer", far, direction)
            other.answer(far, ANSWER)
            pair.run(100)
            assert kinds(user) == ["media"]
    assert (ours.state, theirs.state) == ("up", "up")


def test_two_re_invites_that_meet_are_refused_491_and_come_again_one_after_the_other() -> None:
    pair = Pair()
    ours, theirs = pair.talk()
    pair.network.seen.clear()
    pair.alice.hold(ours, HELD)
    pair.bob.hold(theirs, HELD)
    pair.run(50)
    assert pair.network.methods().count("491") == 2
    start_ms = pair.network.now_ms
    began: dict[Any, int] = {}
    for _ in range(60):
        pair.run(100)
        for user, call in ((pair.alice, ours), (pair.bob, theirs)):
            for event in taken(user):
                if event[0] == "offer":
                    user.answer(call, ANSWER)
                elif event[0] == "media":
                    began[call] = pair.network.now_ms - start_ms
    assert set(began) == {ours, theirs}
    assert 2000 <= began[ours] <= 4300  # 14.1: whoever made the Call-ID waits 2.1 to 4 s
    assert began[theirs] <= 2300  # the other up to 2 s
    assert pair.network.methods().count("491") == 2


def test_what_is_wanted_last_is_offered_when_offers_overtake_each_other() -> None:
    pair = Pair()
    ours, theirs = pair.talk()
    pair.alice.hold(ours, HELD)
    pair.run(10)
    pair.alice.hold(ours, OFFER)
    pair.alice.hold(ours, HELD)
    pair.alice.hold(ours, OFFER)
    directions = []
    for _ in range(10):
        pair.run(50)
        for event in taken(pair.bob):
            directions.append(event[2].direction)
            pair.bob.answer(theirs, ANSWER)
    assert directions == ["sendonly", "sendrecv"]


def test_a_refused_hold_leaves_the_call_as_it_was() -> None:
    pair = Pair()
    ours, theirs = pair.talk()
    pair.alice.hold(ours, HELD)
    pair.run(50)
    pair.bob.reject(theirs, 488)
    pair.run(50)
    assert taken(pair.alice) == [("refused", ours, 488)]
    assert (ours.state, theirs.state) == ("up", "up")
    pair.alice.hold(ours, HELD)
    pair.run(50)
    assert kinds(pair.bob) == ["offer", "offer"]


def test_a_re_invite_that_the_peer_has_no_dialog_for_ends_the_call() -> None:
    pair = Pair()
    ours, theirs = pair.talk()
    pair.bob.calls.remove(theirs)
    pair.alice.hold(ours, HELD)
    pair.run(50)
    assert taken(pair.alice)[0][:3] == ("ended", ours, 481)


def test_a_re_invite_that_nobody_answers_ends_the_call() -> None:
    pair = Pair()
    ours, _ = pair.talk()
    pair.network.nodes.pop(BOB)
    pair.alice.hold(ours, HELD)
    pair.run(33_000)
    assert taken(pair.alice)[0][:3] == ("ended", ours, 408)


def test_a_bye_that_crosses_a_re_invite_ends_it_with_the_call() -> None:
    pair = Pair()
    ours, theirs = pair.talk()
    pair.alice.hold(ours, HELD)
    pair.run(50)
    pair.alice.hang_up(ours)
    pair.run(100)
    pair.bob.answer(theirs, ANSWER)
    assert kinds(pair.bob) == ["offer", "ended"]
    assert kinds(pair.alice) == ["ended"]
    assert "487" in pair.network.methods(BOB)
    pair.rest()


def test_a_cancelled_re_invite_leaves_the_call_up() -> None:
    peer = Peer()
    call = peer.called()
    peer.send(peer.request("INVITE", cseq=2, body=HELD))
    peer.send(peer.request("CANCEL", cseq=2))
    assert peer.statuses()[-2:] == [200, 487]
    assert call.state == "up"
    peer.agent.answer(call, ANSWER)
    peer.run(10)
    assert peer.statuses()[-1] == 487
    taken(peer.agent)
    peer.send(peer.request("INVITE", cseq=3, body=HELD))
    assert kinds(peer.agent) == ["offer"]


def test_an_offer_that_comes_in_the_ack_is_told() -> None:
    peer = Peer()
    peer.send(peer.request("INVITE", to_tag="", body=b""))
    kind, call, _, _ = taken(peer.agent)[0]
    assert (kind, call.description) == ("incoming", None)
    peer.agent.answer(call, OFFER)
    peer.run(10)
    peer.learn()
    peer.send(peer.request("ACK", body=ANSWER, branch="z9hG4bKack"))
    kind, _, description = taken(peer.agent)[0]
    assert (kind, description.host) == ("media", "192.0.2.20")
    assert call.state == "up"


def test_an_offer_that_never_came_ends_the_call() -> None:
    peer = Peer()
    peer.send(peer.request("INVITE", to_tag="", body=b""))
    call = taken(peer.agent)[0][1]
    peer.agent.answer(call, OFFER)
    peer.run(10)
    peer.learn()
    peer.send(peer.request("ACK", branch="z9hG4bKack"))
    assert taken(peer.agent)[0][:3] == ("ended", call, 488)
    assert peer.methods() == ["BYE"]


def test_a_second_re_invite_before_the_first_is_answered_is_told_to_wait() -> None:
    peer = Peer()
    peer.called()
    peer.send(peer.request("INVITE", cseq=2, body=HELD))
    peer.send(peer.request("INVITE", cseq=3, body=HELD, branch="z9hG4bKother"))
    assert peer.statuses()[-1] == 500
    assert int(peer.received[-1].get("retry-after")) <= 10
