"""The flows of RFC 3665 that a telephone takes part in, message by message, and lives drawn by hypothesis."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapter.sip.endpoint import MAX_EVENTS, MAX_SENDS, MAX_TRANSACTIONS
from tests.firmware.adapter.sip.chaos import NUMBERS, Storm
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
    agent,
    kinds,
    taken,
)


def home(password: str = "") -> tuple[Network, Registrar, Any]:
    """Alice and her registrar."""
    network = Network()
    registrar = Registrar(REGISTRAR, network)
    alice = agent(ALICE_NUMBER, ALICE, [REGISTRAR], **({"password": password} if password else {}))
    network.nodes[ALICE] = alice
    return network, registrar, alice


def test_2_1_successful_new_registration() -> None:
    network, _, alice = home()
    alice.register(network.now_ms)
    network.run(100)
    assert network.methods() == ["REGISTER", "401", "REGISTER", "200"]


def test_2_2_update_of_the_contact_list() -> None:
    network, registrar, alice = home()
    alice.register(network.now_ms)
    network.run(100)
    moved = ("192.0.2.77", 5060)
    network.nodes[moved] = network.nodes.pop(ALICE)
    alice.moved(moved, network.now_ms)
    network.run(100)
    assert network.methods()[4:] == ["REGISTER", "200"]
    assert [uri.partition("@")[2] for uri in registrar.bindings] == ["192.0.2.77:5060"]


def test_2_4_cancellation_of_registration() -> None:
    network, registrar, alice = home()
    alice.register(network.now_ms)
    network.run(100)
    alice.unregister(network.now_ms)
    network.run(100)
    assert network.methods()[4:] == ["REGISTER", "200"]
    assert registrar.seen[-1].get("expires") == "0"
    assert registrar.bindings == {}


def test_2_5_unsuccessful_registration() -> None:
    network, registrar, alice = home("wrong")
    alice.register(network.now_ms)
    network.run(100)
    assert network.methods() == ["REGISTER", "401", "REGISTER", "401"]
    assert taken(alice)[0][:2] == ("registration_failed", 401)
    assert registrar.bindings == {}


def test_3_1_successful_session_establishment() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.bob.ring(theirs)
    pair.run(10)
    pair.bob.answer(theirs, ANSWER)
    pair.run(10)
    pair.bob.hang_up(theirs)
    pair.run(10)
    assert pair.network.methods() == ["INVITE", "100", "180", "200", "ACK", "BYE", "200"]
    assert pair.network.methods(BOB) == ["100", "180", "200", "BYE"]
    assert kinds(pair.alice) == ["progress", "answered", "ended"]
    assert ours.state == "ended"


def test_3_2_session_establishment_through_proxies_that_record_their_route() -> None:
    peer = Peer()
    call = peer.dialled()
    challenge = ("proxy-authenticate", 'Digest realm="a.example.com", qop="auth", nonce="wf84f1ceczx41ae6cbe5aea9c8e"')
    peer.answer(407, headers=[challenge])
    peer.answer(100)
    routes = ("record-route", "<sip:ss2.example.com;lr>, <sip:192.0.2.7;lr>")
    peer.answer(180, headers=[routes])
    peer.answer(200, body=ANSWER, headers=[routes])
    peer.agent.hang_up(call)
    peer.run(1)
    assert peer.methods() == ["INVITE", "ACK", "INVITE", "ACK", "BYE"]
    for message in peer.received[-2:]:
        assert message.all("route") == ["<sip:192.0.2.7;lr>", "<sip:ss2.example.com;lr>"]
        assert message.uri == "sip:peer@192.0.2.20:5060"
    assert {destination for _, destination in peer.sent[-2:]} == {("192.0.2.7", 5060)}
    peer.answer(200)
    assert kinds(peer.agent) == ["progress", "answered", "ended"]


def test_3_6_session_with_re_invite() -> None:
    pair = Pair()
    ours, theirs = pair.talk()
    pair.network.seen.clear()
    pair.bob.hold(theirs, HELD)
    pair.run(10)
    pair.alice.answer(ours, ANSWER)
    pair.run(10)
    assert pair.network.methods() == ["INVITE", "200", "ACK"]
    assert pair.network.methods(BOB) == ["INVITE", "ACK"]


def test_3_8_unsuccessful_no_answer() -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.bob.ring(theirs)
    pair.run(10)
    pair.alice.hang_up(ours)
    pair.run(10)
    assert pair.network.methods() == ["INVITE", "100", "180", "CANCEL", "200", "487", "ACK"]


@pytest.mark.parametrize(("section", "status"), [("3.9 busy", 486), ("3.11 temporarily unavailable", 480)])
def test_3_9_and_3_11_refused(section: str, status: int) -> None:
    pair = Pair()
    _, theirs = pair.dial()
    pair.bob.reject(theirs, status)
    pair.run(10)
    assert pair.network.methods() == ["INVITE", "100", str(status), "ACK"], section


def test_3_10_no_response_from_the_user_agent() -> None:
    pair = Pair()
    pair.network.nodes.pop(BOB)
    call = pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    pair.run(33_000)
    assert pair.network.methods() == ["INVITE"] * 7
    assert taken(pair.alice) == [("ended", call, 408, "no answer")]


class Lives(RuleBasedStateMachine):
    """The users of a Storm, but hypothesis says what they do, and finds the shortest way to what is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.weather = Storm(1, 0.0)

    @rule(loss=st.sampled_from((0.0, 0.0, 0.3, 1.0)), for_ms=st.sampled_from((0, 1, 20, 60, 400, 2500, 33_000)))
    def time(self, loss: float, for_ms: int) -> None:
        self.weather.network.loss = loss
        self.weather.network.run(for_ms)
        self.weather.look()

    @rule(who=st.sampled_from((ALICE, BOB)))
    def dial(self, who: Any) -> None:
        user = self.weather.ends[who]
        if len(user.calls) < 2:
            to = NUMBERS[BOB if who == ALICE else ALICE]
            self.weather.calls.append((user, user.dial(to, OFFER, self.weather.network.now_ms)))

    @rule(
        who=st.sampled_from((ALICE, BOB)),
        which=st.integers(0, 1),
        what=st.sampled_from(["hang", "hold", "ring", "take", "no"]),
    )
    def act(self, who: Any, which: int, what: str) -> None:
        user = self.weather.ends[who]
        if which >= len(user.calls):
            return
        call = user.calls[which]
        if what == "hang":
            user.hang_up(call)
        elif what == "hold":
            user.hold(call, HELD)
        elif what == "ring" and call.incoming:
            user.ring(call)
        elif what == "take":
            user.answer(call, ANSWER)
        elif what == "no":
            user.reject(call, 486)

    @invariant()
    def bounded(self) -> None:
        for user in self.weather.ends.values():
            assert len(user.endpoint.transactions) <= MAX_TRANSACTIONS
            assert len(user.events) <= MAX_EVENTS
            assert len(user.endpoint._out) <= MAX_SENDS + MAX_TRANSACTIONS
            assert len(user.calls) <= 2
            assert user.next_timer(self.weather.network.now_ms) >= 0

    def teardown(self) -> None:
        self.weather.network.loss = 0.0
        self.weather.rest()
        assert self.weather.judge() == []


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
