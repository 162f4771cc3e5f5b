"""The user agent as its user and its peers see it: a whole call, what it answers, what it never does."""

import pytest

from adapter.sip.agent import MAX_WAIT_MS, Agent
from adapter.sip.endpoint import MAX_EVENTS, MAX_SENDS, MAX_TRANSACTIONS
from adapter.sip.errors import SipError
from adapter.sip.message import request
from tests.firmware.adapter.sip.chaos import storm
from tests.firmware.adapter.sip.pair import ALICE_NUMBER, BOB_NUMBER, Pair, Peer
from tests.firmware.adapter.sip.rig import (
    ALICE,
    ANSWER,
    BOB,
    HELD,
    OFFER,
    REGISTRAR,
    Network,
    Registrar,
    account,
    agent,
    kinds,
    seeded,
    taken,
)


def test_a_call_is_offered_rung_answered_held_and_ended() -> None:
    pair = Pair()
    ours = pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    pair.run(100)
    (event,) = taken(pair.bob)
    kind, theirs, number, name = event
    assert (kind, number, name) == ("incoming", "+15551230001", "")
    assert theirs.description.codecs[0][1] == "PCMU"
    pair.bob.ring(theirs)
    pair.run(100)
    assert taken(pair.alice) == [("progress", ours, 180, None)]
    pair.bob.answer(theirs, ANSWER)
    pair.run(100)
    ((kind, call, description),) = taken(pair.alice)
    assert (kind, call, description.host, description.port) == ("answered", ours, "192.0.2.20", 4000)
    pair.alice.hold(ours, HELD)
    pair.run(100)
    ((kind, call, description),) = taken(pair.bob)
    assert (kind, call, description.direction) == ("offer", theirs, "sendonly")
    pair.bob.answer(theirs, ANSWER)
    pair.run(100)
    assert kinds(pair.alice) == ["media"]
    pair.bob.hang_up(theirs)
    pair.run(100)
    assert taken(pair.alice) == [("ended", ours, 200, "")]
    assert taken(pair.bob) == [("ended", theirs, 200, "hung up")]
    assert pair.network.methods() == [
        "INVITE", "100", "180", "200", "ACK", "INVITE", "200", "ACK", "BYE", "200",
    ]  # fmt: skip
    pair.rest()


def test_a_storm_of_calls_over_a_bad_network_leaves_both_ends_at_one_and_nothing_behind() -> None:
    for seed in range(60):
        assert storm(seed) == [], f"seed {seed}"


# What it answers.


def test_options_are_answered_in_and_out_of_a_dialog() -> None:
    peer = Peer()
    peer.send(peer.request("OPTIONS", to_tag="", branch="z9hG4bKout"))
    outside = peer.received[-1]
    assert outside.status == 200
    assert outside.get("allow") == "INVITE"
    assert len(outside.all("allow")) == 6
    assert outside.get("accept") == "application/sdp"
    assert ";tag=" in outside.get("to")
    peer.called()
    peer.send(peer.request("OPTIONS", cseq=5))
    assert peer.statuses()[-1] == 200


@pytest.mark.parametrize("method", ["INFO", "UPDATE", "REFER", "PRACK", "SUBSCRIBE", "MESSAGE", "PUBLISH", "REGISTER"])
def test_methods_that_we_do_not_take_are_answered_405_with_those_that_we_do(method: str) -> None:
    peer = Peer()
    peer.send(peer.request(method, to_tag=""))
    assert peer.statuses() == [405]
    assert "INVITE" in peer.received[-1].all("allow")
    peer.called()
    peer.send(peer.request(method, cseq=5))
    assert peer.statuses()[-1] == 405


def test_methods_that_nobody_knows_are_answered_501() -> None:
    peer = Peer()
    peer.send(peer.request("JUGGLE", to_tag=""))
    assert peer.statuses() == [501]


def test_an_extension_that_is_required_and_unknown_is_answered_420() -> None:
    peer = Peer()
    message = peer.request("INVITE", to_tag="", body=OFFER)
    message.headers.append(("require", "100rel, replaces"))
    peer.send(message)
    assert peer.statuses() == [420]
    assert peer.received[-1].all("unsupported") == ["100rel", "replaces"]
    assert not taken(peer.agent)


@pytest.mark.parametrize(
    ("header", "value", "status", "names"),
    [
        ("content-type", "application/isup", 415, "accept"),
        ("content-encoding", "gzip", 415, "accept-encoding"),
    ],
)
def test_a_body_that_we_cannot_read_is_answered_415(header: str, value: str, status: int, names: str) -> None:
    peer = Peer()
    message = peer.request("INVITE", to_tag="", body=OFFER)
    message.headers = [each for each in message.headers if each[0] != header] + [(header, value)]
    peer.send(message)
    assert peer.statuses() == [status]
    assert peer.received[-1].get(names)


@pytest.mark.parametrize(("uri", "status"), [("http://example.net", 416), ("sip:nobody@192.0.2.10", 404)])
def test_a_call_that_is_not_for_us_is_refused(uri: str, status: int) -> None:
    peer = Peer()
    message = peer.request("INVITE", to_tag="", body=OFFER)
    message.uri = uri
    peer.send(message)
    assert peer.statuses() == [status]


def test_a_call_from_elsewhere_must_know_our_contact() -> None:
    peer = Peer()
    stranger = ("198.51.100.7", 5060)
    message = peer.request("INVITE", to_tag="", body=OFFER)
    peer.agent.feed(message.pack(), stranger, peer.now_ms)
    peer.run(1)
    assert peer.statuses() == [404]
    message = peer.request("INVITE", to_tag="", body=OFFER, branch="z9hG4bKnew")
    message.uri = peer.agent.endpoint.contact()[1:-1]
    peer.agent.feed(message.pack(), stranger, peer.now_ms)
    assert kinds(peer.agent) == ["incoming"]


def test_a_description_that_makes_no_sense_is_refused_and_nobody_is_called() -> None:
    peer = Peer()
    peer.send(peer.request("INVITE", to_tag="", body=b"v=0\r\nm=audio x\r\n"))
    assert peer.statuses() == [400]
    assert not taken(peer.agent)
    call = peer.called()
    peer.send(peer.request("INVITE", cseq=4, body=b"v=0\r\nm=audio x\r\n"))
    assert peer.statuses()[-1] == 400
    assert call.state == "up"
    assert call.offered is None


def test_a_third_call_in_is_busy() -> None:
    peer = Peer()
    for at in range(3):
        message = peer.request("INVITE", to_tag="", body=OFFER, branch=f"z9hG4bK{at}")
        message.headers = [(n, f"call-{at}" if n == "call-id" else v) for n, v in message.headers]
        peer.send(message)
    assert peer.statuses() == [100, 100, 486]
    assert kinds(peer.agent) == ["incoming", "incoming"]


def test_who_calls_is_what_the_network_asserts_unless_it_is_not_to_be_shown() -> None:
    for headers, shown in (
        ([], (BOB_NUMBER, "Bob")),
        ([("p-asserted-identity", '"Uncle Bob" <tel:+15550000>')], ("+15550000", "Uncle Bob")),
        ([("p-asserted-identity", "<tel:+15550000>"), ("privacy", "id")], ("", "")),
    ):
        peer = Peer()
        message = peer.request("INVITE", to_tag="", body=OFFER)
        message.headers.extend(headers)
        peer.send(message)
        assert taken(peer.agent)[0][2:] == shown


def test_responses_go_where_rport_says_and_to_the_via_without() -> None:
    peer = Peer()
    for via, destination, written in (
        ("SIP/2.0/UDP 10.0.0.9:5061;rport;branch=z9hG4bK1", (BOB[0], 61000), "received=192.0.2.20;rport=61000"),
        ("SIP/2.0/UDP 10.0.0.9:5061;branch=z9hG4bK2", (BOB[0], 5061), "received=192.0.2.20"),
        ("SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK3", (BOB[0], 5060), "received=192.0.2.20"),
    ):
        message = peer.request("OPTIONS", to_tag="")
        message.headers[0] = ("via", via + ", SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKfirst")
        peer.agent.feed(message.pack(), (BOB[0], 61000), peer.now_ms)
        peer.run(1)
        assert peer.sent[-1][1] == destination
        vias = peer.received[-1].all("via")
        assert vias[0].endswith(written)
        assert vias[1].endswith("branch=z9hG4bKfirst")


def test_record_routes_come_back_with_the_answer() -> None:
    peer = Peer()
    message = peer.request("INVITE", to_tag="", body=OFFER)
    message.headers.append(("record-route", "<sip:192.0.2.9;lr>, <sip:192.0.2.8;lr>"))
    peer.send(message)
    call = taken(peer.agent)[0][1]
    peer.agent.answer(call, ANSWER)
    peer.run(1)
    assert peer.received[-1].all("record-route") == ["<sip:192.0.2.9;lr>", "<sip:192.0.2.8;lr>"]
    assert call.dialog.routes == ["<sip:192.0.2.9;lr>", "<sip:192.0.2.8;lr>"]
    peer.learn()
    peer.send(peer.request("ACK", branch="z9hG4bKack"))
    peer.agent.hang_up(call)
    peer.run(1)
    assert peer.sent[-1][1] == ("192.0.2.9", 5060)


def test_over_a_stream_nothing_is_sent_again_but_the_2xx_and_pings_are_answered() -> None:
    network = Network()
    alice = agent(ALICE_NUMBER, ALICE, [BOB])
    alice.set_registrars([(*BOB, "tcp")])
    network.nodes[ALICE] = alice
    alice.dial(BOB_NUMBER, OFFER, network.now_ms)
    network.run(20_000)
    assert network.methods() == ["INVITE"]
    invite = network.seen[0][2].decode()
    assert "Via: SIP/2.0/TCP" in invite
    assert ";transport=tcp>" in invite
    alice.feed(b"\r\n\r\n", BOB, network.now_ms)
    assert alice.poll(network.now_ms) == [(b"\r\n", BOB)]


def test_a_broken_stream_ends_what_waits_for_an_answer() -> None:
    peer = Peer()
    call = peer.dialled()
    peer.agent.lost(BOB, peer.now_ms)
    assert [event[:3] for event in taken(peer.agent)] == [("ended", call, 408)]


def test_a_message_that_cannot_be_used_is_answered_400_and_rubbish_is_dropped() -> None:
    peer = Peer()
    whole = peer.request("OPTIONS", to_tag="").pack()
    peer.agent.feed(whole.replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE"), BOB, peer.now_ms)
    peer.run(1)
    assert peer.statuses() == [400]
    for rubbish in (b"", b"\r\n", b"\x00" * 40, b"SIP/2.0 200 OK\r\n\r\n", b"\xff" * 9000, whole[:60]):
        peer.agent.feed(rubbish, BOB, peer.now_ms)
    peer.run(1)
    assert len(peer.received) == 1


# Message waiting.


def test_an_unsolicited_notify_tells_of_waiting_messages() -> None:
    peer = Peer()
    for body, count in (
        (b"Messages-Waiting: yes\r\nVoice-Message: 3/8 (0/2)\r\n", 3),
        (b"messages-waiting: YES\n", 1),
        (b"Messages-Waiting: no\r\n", 0),
    ):
        message = peer.request("NOTIFY", to_tag="", branch=f"z9hG4bK{count}")
        message.headers.append(("event", "message-summary"))
        message.headers.append(("content-type", "application/simple-message-summary"))
        message.body = body
        peer.send(message)
        assert peer.statuses()[-1] == 200
        assert taken(peer.agent) == [("message_waiting", count)]
    message = peer.request("NOTIFY", to_tag="", branch="z9hG4bKother")
    message.headers.append(("event", "presence"))
    peer.send(message)
    assert peer.statuses()[-1] == 489
    message = peer.request("NOTIFY", to_tag="", branch="z9hG4bKempty")
    message.headers.append(("event", "message-summary"))
    peer.send(message)
    assert peer.statuses()[-1] == 400
    assert not taken(peer.agent)


# What it never does.


def test_a_third_call_out_is_an_error_and_an_emergency_call_ends_another_for_itself() -> None:
    pair = Pair()
    first, _ = pair.talk()
    second, _ = pair.talk()
    with pytest.raises(SipError, match="third"):
        pair.alice.dial("+15551230009", OFFER, pair.network.now_ms)
    urgent = pair.alice.dial("911", OFFER, pair.network.now_ms)
    assert taken(pair.alice) == [("ended", first, 200, "hung up")]
    assert pair.alice.calls == [second, urgent]


def test_what_is_dialled_is_escaped_and_too_much_of_it_refused() -> None:
    peer = Peer()
    peer.agent.dial("*67#1 <>", OFFER, peer.now_ms)
    peer.run(1)
    assert peer.received[-1].uri == "sip:*67%231%20%3C%3E@example.net"
    for user in ("", "1" * 65):
        with pytest.raises(SipError):
            peer.agent.dial(user, OFFER, peer.now_ms)


def test_without_a_registrar_there_is_nowhere_to_call() -> None:
    alone = Agent(account(ALICE_NUMBER), ALICE, seeded(1))
    with pytest.raises(SipError, match="way"):
        alone.dial("911", OFFER, 0)
    alone.register(0)
    assert alone.poll(0) == []
    assert alone.idle


def test_a_flood_of_invites_is_bounded_and_the_next_one_rings() -> None:
    peer = Peer()
    for at in range(200):
        message = peer.request("INVITE", to_tag="", body=OFFER, branch=f"z9hG4bK{at}")
        message.headers = [(n, f"call-{at}" if n == "call-id" else v) for n, v in message.headers]
        peer.send(message)
        for event in taken(peer.agent):
            peer.agent.reject(event[1], 486)
        assert len(peer.agent.endpoint.transactions) <= MAX_TRANSACTIONS
    peer.run(1)
    assert peer.statuses().count(486) == 200


def test_events_and_sends_that_nobody_takes_are_bounded() -> None:
    peer = Peer()
    peer.dialled()
    progress = request("INVITE", "sip:x")
    progress.headers = peer.received[0].headers
    for at in range(100):
        peer.answer(183, tag=f"fork{at}", body=ANSWER)
    assert len(peer.agent.events) == MAX_EVENTS
    peer = Peer()
    for at in range(100):
        peer.agent.feed(peer.request("OPTIONS", to_tag="", branch=f"z9hG4bK{at}").pack(), BOB, peer.now_ms)
    assert len(peer.agent.endpoint.poll(peer.now_ms)) == MAX_SENDS


def test_many_calls_in_a_row_from_one_user_stay_within_the_bounds() -> None:
    pair = Pair()
    for _ in range(100):
        ours, theirs = pair.dial()
        pair.bob.answer(theirs, ANSWER)
        pair.run(20)
        pair.alice.hang_up(ours)
        pair.run(20)
        assert kinds(pair.bob) == ["ended"]
        assert kinds(pair.alice) == ["answered", "ended"]
        for user in (pair.alice, pair.bob):
            assert len(user.endpoint.transactions) <= MAX_TRANSACTIONS
    pair.rest()


def test_the_next_timer_is_bounded_and_not_later_than_what_is_due() -> None:
    pair = Pair()
    assert pair.alice.next_timer(pair.network.now_ms) <= MAX_WAIT_MS
    pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    assert pair.alice.next_timer(pair.network.now_ms) == 0
    pair.alice.poll(pair.network.now_ms)
    assert pair.alice.next_timer(pair.network.now_ms) == 500


def test_a_registration_goes_on_after_the_agent_was_put_aside() -> None:
    network = Network()
    registrar = Registrar(REGISTRAR, network)
    alice = agent(ALICE_NUMBER, ALICE, [REGISTRAR])
    network.nodes[ALICE] = alice
    alice.register(network.now_ms)
    network.run(10_000)
    assert alice.idle
    assert network.now_ms + 2_000_000 < alice.registration.start_ms < network.now_ms + 3_100_000
    back = Agent(account(ALICE_NUMBER), ALICE, seeded(9), alice.save())
    back.set_registrars([(*REGISTRAR, "udp")])
    network.nodes[ALICE] = back
    network.run(60_000)
    assert len(registrar.seen) == 2
    network.run(3_600_000)
    assert len(registrar.seen) >= 3
    assert len({message.get("call-id") for message in registrar.seen}) == 1
    assert [message.cseq[0] for message in registrar.seen] == list(range(1, len(registrar.seen) + 1))
    assert len(registrar.bindings) == 1
    assert back.registration.state == "registered"
    assert not taken(back)
