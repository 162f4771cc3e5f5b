"""Agents on a network without time of its own: datagrams wait, get lost or overtake each other as a seed says.

`Registrar` is a fake at the edge: it grants, challenges and refuses REGISTER as told; whoever is called rings.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from adapter.sip import digest, sdp
from adapter.sip.agent import Agent
from adapter.sip.message import Message, parse, response
from adapter.sip.uri import name_addr, parameter

Address = tuple[str, int]
ALICE = ("192.0.2.10", 5060)
BOB = ("192.0.2.20", 5060)
REGISTRAR = ("192.0.2.1", 5060)
SECOND = ("192.0.2.2", 5060)
PASSWORD = "gp4-ubLq"
OFFER = sdp.offer("192.0.2.10", 4000, 1, 1, ("PCMU", "PCMA"), 20, "sendrecv")
HELD = sdp.offer("192.0.2.10", 4000, 1, 2, ("PCMU", "PCMA"), 20, "sendonly")
ANSWER = sdp.offer("192.0.2.20", 4000, 7, 1, ("PCMU",), 20, "sendrecv")


def account(user: str, **changes: Any) -> dict[str, Any]:
    """A voice row of the configuration."""
    row = {
        "user": user, "auth_user": user, "password": PASSWORD, "domain": "example.net", "display_name": "",
        "country": "us", "emergency": "911,933", "dial_plan": "", "codecs": "PCMU,PCMA", "ptime_ms": 20,
        "registration_s": 3600, "media_security": 0, "mailbox": "",
    }  # fmt: skip
    return row | changes


def seeded(seed: int) -> Callable[[int], bytes]:
    """`random` of an agent."""
    return random.Random(seed).randbytes


def agent(user: str, address: Address, registrars: list[Address], seed: int = 1, **changes: Any) -> Any:
    """An agent that knows its registrars (UDP) and has not registered."""
    made = Agent(account(user, **changes), address, seeded(seed))
    made.set_registrars([(host, port, "udp") for host, port in registrars])
    return made


class Network:
    """Who sits at which address; `step` and `run` move time on from one thing that is due to the next."""

    def __init__(self, seed: int = 1, loss: float = 0.0, delay_ms: tuple[int, int] = (1, 1)) -> None:
        self.now_ms = 1000
        self.nodes: dict[Address, Any] = {}
        self.seen: list[tuple[Address, Address, bytes]] = []
        self.dropped: Callable[[bytes], bool] = lambda _data: False
        self.events: list[tuple[str, Any]] = []
        self.loss = loss
        self.delay_ms = delay_ms
        self._chance = random.Random(seed)
        self._flying: list[tuple[int, int, bytes, Address, Address]] = []
        self._sent = 0

    def send(self, data: bytes, source: Address, destination: Address) -> None:
        """Puts a datagram on its way, unless it is lost."""
        self.seen.append((source, destination, bytes(data)))
        if self._chance.random() < self.loss or self.dropped(data):
            return
        self._sent += 1
        self._flying.append((self.now_ms + self._chance.randint(*self.delay_ms), self._sent, data, source, destination))

    def flush(self) -> None:
        """Every node sends what it has to."""
        for address, node in list(self.nodes.items()):
            for data, destination in node.poll(self.now_ms):
                self.send(data, address, destination)

    def step(self, limit_ms: int) -> None:
        """To the next datagram or timer, at most by `limit_ms`."""
        self.flush()
        waits = [node.next_timer(self.now_ms) for node in self.nodes.values()]
        if self._flying:
            waits.append(min(self._flying)[0] - self.now_ms)
        self.now_ms += max(0, min([limit_ms, *waits]))
        for each in sorted(each for each in self._flying if each[0] <= self.now_ms):
            self._flying.remove(each)
            _, _, data, source, destination = each
            if destination in self.nodes:
                self.nodes[destination].feed(data, source, self.now_ms)
        self.flush()

    def run(self, for_ms: int) -> None:
        """`for_ms` of virtual time."""
        end_ms = self.now_ms + for_ms
        steps = 0
        while self.now_ms < end_ms:
            self.step(end_ms - self.now_ms)
            steps += 1
            assert steps < 100_000, "the timers never come to rest"

    def methods(self, source: Address | None = None) -> list[str]:
        """First words of what was sent, statuses as numbers: ["INVITE", "100", ...]."""
        out = []
        for sender, _, data in self.seen:
            if source in (None, sender) and data.strip():
                first = data.split(b" ", 2)
                out.append((first[1] if first[0] == b"SIP/2.0" else first[0]).decode())
        return out


def taken(user_agent: Any) -> list[tuple[Any, ...]]:
    """The events that wait, now taken."""
    out = list(user_agent.events)
    del user_agent.events[:]
    return out


def kinds(user_agent: Any) -> list[str]:
    """The names of the events that wait, now taken."""
    return [event[0] for event in taken(user_agent)]


class Registrar:
    """Grants `expires_s`; `verdict` (status, headers) refuses, `algorithm` "" asks no password, `down` says nothing."""

    def __init__(self, address: Address, network: Network) -> None:
        self.address = address
        self.network = network
        self.bindings: dict[str, str] = {}
        self.sources: dict[str, Address] = {}
        self.expires_s = 0
        self.algorithm = "MD5"
        self.verdict: tuple[int, list[tuple[str, str]]] | None = None
        self.down = False
        self.nonce = "n1"
        self.natted: Address | None = None
        self.seen: list[Message] = []  # but OPTIONS
        self.asked_ms: list[int] = []  # when OPTIONS came
        self.mood = 200  # what OPTIONS is answered with
        self.credentials: list[dict[str, str]] = []
        self.extra: list[tuple[str, str]] = []
        network.nodes[address] = self

    def poll(self, _now_ms: int) -> list[tuple[bytes, Address]]:
        return []

    def next_timer(self, _now_ms: int) -> int:
        return 30_000

    def feed(self, data: bytes, source: Address, _now_ms: int) -> None:
        if self.down or not data.strip():
            return
        message = parse(data)
        if message.method == "OPTIONS":
            self.asked_ms.append(self.network.now_ms)
            verdict = response(message, self.mood)
            verdict.headers.append(("www-authenticate", 'Digest realm="example.net", nonce="other"'))
            self.network.send(self._seen(verdict, source).pack(), self.address, source)
            return
        self.seen.append(message)
        if message.method == "REGISTER":
            answer = self._register(message, source)
        elif message.method == "INVITE":
            answer = response(message, 180)
        elif message.method == "CANCEL":
            self.network.send(self._seen(response(message, 200), source).pack(), self.address, source)
            invite = next(each for each in self.seen if each.get("via") == message.get("via"))
            answer = response(invite, 487)
        else:
            return
        self.network.send(self._seen(answer, source).pack(), self.address, source)

    def _seen(self, answer: Message, source: Address) -> Message:
        host, port = self.natted or source
        via = answer.all("via")[0]
        answer.headers[0] = ("via", via.replace(";rport", f";rport={port};received={host}"))
        return answer

    def _register(self, message: Message, source: Address) -> Message:
        if self.verdict:
            answer = response(message, self.verdict[0])
            answer.headers.extend(self.verdict[1])
            return answer
        if self.algorithm and not self._proven(message):
            return self._challenge(message)
        answer = response(message, 200)
        asked = int(message.get("expires") or "0")
        for contact in message.all("contact"):
            uri = name_addr(contact)[1]
            expires = int(parameter(contact, "expires") or asked)
            if expires:
                self.bindings[uri] = str(min(expires, self.expires_s or expires))
                self.sources[uri] = source
            else:
                self.bindings.pop(uri, None)
        answer.headers.extend(("contact", f"<{uri}>;expires={left}") for uri, left in self.bindings.items())
        answer.headers.extend(self.extra)
        return answer

    def _proven(self, message: Message) -> bool:
        given = message.get("authorization")
        if not given:
            return False
        fields = digest.fields(given)
        self.credentials.append(fields)
        return fields["nonce"] == self.nonce and fields["response"] == digest.proof(
            fields, "REGISTER", PASSWORD, message.body
        )

    def _challenge(self, message: Message) -> Message:
        answer = response(message, 401)
        given = message.get("authorization")
        stale = ", stale=true" if given and digest.fields(given)["nonce"] != self.nonce else ""
        value = f'Digest realm="example.net", nonce="{self.nonce}", algorithm={self.algorithm}, qop="auth"{stale}'
        answer.headers.append(("www-authenticate", value))
        return answer
