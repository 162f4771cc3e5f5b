"""Who talks to an agent in tests: another one of ours (`Pair`), or a peer that says whatever it is told (`Peer`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapter.sip.message import Message, parse, request, response
from adapter.sip.uri import parameter
from tests.firmware.adapter.sip.rig import ALICE, ANSWER, BOB, OFFER, Address, Network, agent, taken

ALICE_NUMBER = "+15551230001"
BOB_NUMBER = "+15551230002"


class Pair:
    """Alice and Bob, each the other's proxy."""

    def __init__(self, network: Network | None = None) -> None:
        self.network = network or Network()
        self.alice: Any = agent(ALICE_NUMBER, ALICE, [BOB], 1)
        self.bob: Any = agent(BOB_NUMBER, BOB, [ALICE], 2)
        self.network.nodes = {ALICE: self.alice, BOB: self.bob}

    def run(self, for_ms: int) -> None:
        """Virtual time."""
        self.network.run(for_ms)

    def dial(self) -> tuple[Any, Any]:
        """Both ends' calls, Bob's not answered; no event waits."""
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
        """After 64*T1 and a little nothing is left of anything, on both sides."""
        self.run(64 * 500 + 40_000)
        for each in (self.alice, self.bob):
            assert each.idle
            assert not each.calls
            assert not each.endpoint.transactions
            assert not each._leaving


class Peer:
    """At BOB's address, the first of Alice's registrars; `received` has what she sends, parsed, `sent` its way too."""

    def __init__(self, registrars: Sequence[Address] = (BOB,), **changes: Any) -> None:
        self.agent: Any = agent(ALICE_NUMBER, ALICE, list(registrars), **changes)
        self.now_ms = 1000
        self.received: list[Message] = []
        self.sent: list[tuple[bytes, Address]] = []
        self.tag = ""
        self.run(0)

    def run(self, for_ms: int) -> None:
        """Time passes; takes what the agent sends."""
        self.now_ms += for_ms
        for data, destination in self.agent.poll(self.now_ms):
            if data.strip():
                self.sent.append((data, destination))
                self.received.append(parse(data))

    def send(self, message: Message) -> None:
        """To the agent, which may answer at once."""
        self.agent.feed(message.pack(), BOB, self.now_ms)
        self.run(1)

    def methods(self) -> list[str]:
        """Of the requests that came."""
        return [message.method for message in self.received if message.method]

    def statuses(self) -> list[int]:
        """Of the responses that came."""
        return [message.status for message in self.received if message.status]

    def request(
        self, method: str, cseq: int = 1, to_tag: str | None = None, body: bytes = b"", branch: str = ""
    ) -> Message:
        """In the dialog that `learn` knows, or with `to_tag` ("" for none)."""
        message = request(method, f"sip:{ALICE_NUMBER}@192.0.2.10:5060")
        tag = self.tag if to_tag is None else to_tag
        same = "INVITE" if method in ("ACK", "CANCEL") else method
        message.headers = [
            ("via", f"SIP/2.0/UDP 192.0.2.20:5060;rport;branch={branch or f'z9hG4bK{same}{cseq}'}"),
            ("from", f'"Bob" <sip:{BOB_NUMBER}@example.net>;tag=bobs'),
            ("to", f"<sip:{ALICE_NUMBER}@example.net>" + (f";tag={tag}" if tag else "")),
            ("call-id", "bobs-call"),
            ("cseq", f"{cseq} {method}"),
            ("contact", "<sip:bob@192.0.2.20:5060>"),
        ]
        if body:
            message.headers.append(("content-type", "application/sdp"))
            message.body = body
        return message

    def learn(self) -> None:
        """Takes the tag of the last response for that of the dialog."""
        self.tag = parameter(self.received[-1].get("to"), "tag") or ""

    def called(self) -> Any:
        """A call of the agent's, up, that we began."""
        self.send(self.request("INVITE", to_tag="", body=OFFER))
        call = taken(self.agent)[0][1]
        self.agent.answer(call, ANSWER)
        self.run(1)
        self.learn()
        self.send(self.request("ACK", branch="z9hG4bKack"))
        assert call.state == "up"
        return call

    def dialled(self) -> Any:
        """A call that the agent began; its INVITE has come."""
        call = self.agent.dial(BOB_NUMBER, OFFER, self.now_ms)
        self.run(1)
        return call

    def answer(
        self, status: int, tag: str = "peers", body: bytes = b"", headers: list[tuple[str, str]] | None = None
    ) -> None:
        """To the last request that came but ACK."""
        last = [message for message in self.received if message.method not in ("", "ACK")][-1]
        if last.method == "BYE" and status == 200 and body:
            last = [message for message in self.received if message.method == "INVITE"][-1]
        made = response(last, status)
        made.headers = [(n, f"{v};tag={tag}" if n == "to" and ";tag=" not in v else v) for n, v in made.headers]
        if not any(name == "contact" for name, _ in headers or []):
            made.headers.append(("contact", "<sip:peer@192.0.2.20:5060>"))
        made.headers.extend(headers or [])
        if body:
            made.headers.append(("content-type", "application/sdp"))
            made.body = body
        self.send(made)
