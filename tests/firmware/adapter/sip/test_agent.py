"""The user agent as its user sees it: registered, called, calling, held, ended; two of ours against each other."""

from typing import Any

import pytest

from adapter.sip.errors import SipError
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

BOB_NUMBER = "+15551230002"


class Pair:
    """Alice and Bob, each the other's proxy."""

    def __init__(self, network: Network | None = None) -> None:
        self.network = network or Network()
        self.alice: Any = agent("+15551230001", ALICE, [BOB], 1)
        self.bob: Any = agent(BOB_NUMBER, BOB, [ALICE], 2)
        self.network.nodes = {ALICE: self.alice, BOB: self.bob}

    def run(self, for_ms: int) -> None:
        self.network.run(for_ms)

    def dial(self, **_: Any) -> tuple[Any, Any]:
        """Both ends' calls, Bob's not answered."""
        ours = self.alice.dial(BOB_NUMBER, OFFER, self.network.now_ms)
        self.run(100)
        return ours, taken(self.bob)[0][1]

    def talk(self) -> tuple[Any, Any]:
        """Both ends' calls, up; no event waits."""
        ours, theirs = self.dial()
        self.bob.answer(theirs, ANSWER)
        self.run(100)
        assert (ours.state, theirs.state) == ("up", "up")
        taken(self.alice)
        assert not taken(self.bob)
        return ours, theirs

    def rest(self) -> None:
        """Nothing is left of anything, on both sides."""
        self.run(64 * 500 + 6000)
        for each in (self.alice, self.bob):
            assert each.idle
            assert not each.calls
            assert not each.endpoint.transactions
            assert not each._leaving


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


def test_a_third_call_is_busy_and_an_emergency_call_ends_another_for_itself() -> None:
    pair = Pair()
    first, _ = pair.talk()
    second, _ = pair.talk()
    with pytest.raises(SipError, match="third"):
        pair.alice.dial("+15551230009", OFFER, pair.network.now_ms)
    urgent = pair.alice.dial("911", OFFER, pair.network.now_ms)
    assert taken(pair.alice) == [("ended", first, 200, "hung up")]
    assert pair.alice.calls == [second, urgent]


def test_registering_answers_the_challenge_and_refreshes_in_time() -> None:
    network = Network()
    registrar = Registrar(REGISTRAR, network)
    registrar.expires_s = 600
    alice = agent("+15551230001", ALICE, [REGISTRAR])
    network.nodes[ALICE] = alice
    alice.register(network.now_ms)
    network.run(1000)
    assert taken(alice) == [("registered", 600)]
    assert alice.idle
    assert network.methods() == ["REGISTER", "401", "REGISTER", "200"]
    network.run(2_400_000)
    assert taken(alice) == []
    sent = [message for message in registrar.seen if message.method == "REGISTER"]
    assert 5 <= len(sent) - 2 <= 6
    assert [fields["nc"] for fields in registrar.credentials] == [f"{uses:08x}" for uses in range(1, len(sent))]
    assert len({message.get("call-id") for message in sent}) == 1
    assert [message.cseq[0] for message in sent] == list(range(1, len(sent) + 1))
