"""Whom one can call at the registrar itself: an echo, and an emergency number that reaches nobody. Both give back
what they hear.

Each call has a user agent of its own, the firmware's, which sees the requests of its call as if it were registered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from adapter.sip.agent import Agent
from adapter.sip.errors import SipError
from adapter.sip.sdp import agreed, answer
from tools.sim.registrar.bindings import Address
from tools.sim.registrar.echo import Echo

ECHO_USERS: Final = frozenset({"*43", "echo"})
EMERGENCY_USERS: Final = frozenset({"911", "112", "933"})
MAX_CALLS: Final = 64
LINGER_MS: Final = 32_000  # after its end a call is known as long as anything of it may come again
_LONGEST_WAIT_MS: Final = 1000
_CODECS: Final = ("PCMU", "PCMA")
_BUSY: Final = 486


class Media(Protocol):
    """An open RTP port with an Echo behind it, and the RTCP port after it."""

    @property
    def port(self) -> int: ...
    def close(self) -> None: ...


OpenMedia = Callable[[Echo], Media]


@dataclass(slots=True)
class _Party:
    agent: Agent
    echo: Echo
    session: int
    media: Media | None = None
    version: int = 0
    call: Any = None
    ended_ms: int | None = None
    due_ms: int = 0


@dataclass(slots=True)
class EchoParties:
    """`address`: the registrar's own, which is theirs too."""

    address: Address
    random: Callable[[int], bytes]
    open_media: OpenMedia
    _parties: dict[str, _Party] = field(default_factory=dict)

    def answers(self, user: str) -> bool:
        """Whether `user` is one of them."""
        return user.lower() in ECHO_USERS or user in EMERGENCY_USERS

    def is_emergency(self, user: str) -> bool:
        """Whether anybody may call `user`, known or not."""
        return user in EMERGENCY_USERS

    def owns(self, call_id: str) -> bool:
        """Whether that call is one of theirs."""
        return call_id in self._parties

    @property
    def calls(self) -> int:
        """How many calls are up."""
        return sum(party.ended_ms is None for party in self._parties.values())

    def feed(self, data: bytes, message: Any, source: Address, now_ms: int) -> None:
        """A message of a call of theirs, or one that begins one; SipError if there are too many."""
        party = self._parties.get(message.get("call-id"))
        if party is None:
            if message.method != "INVITE":
                raise SipError("no such call", 481, message)
            if self.calls >= MAX_CALLS:
                raise SipError(f"{MAX_CALLS} calls are up", _BUSY, message)
            party = self._new(message, now_ms)
            self._parties[message.get("call-id")] = party
        if message.method and message.cseq[1] in ("INVITE", "CANCEL", "ACK"):
            # As from a registrar: it knows itself by its Contact, not by the number that was called.
            message.uri = f"sip:{party.agent.endpoint.token}@{self.address[0]}:{self.address[1]}"
            data = message.pack()
        party.agent.feed(data, source, now_ms)
        party.due_ms = 0
        self._work(party, now_ms)

    def poll(self, now_ms: int) -> list[tuple[bytes, Address]]:
        """What is to be sent now; calls that nobody asks about any more are forgotten."""
        out: list[tuple[bytes, Address]] = []
        for call_id, party in list(self._parties.items()):
            if now_ms < party.due_ms:
                continue
            if party.ended_ms is None and party.echo.is_deserted(now_ms):
                party.agent.hang_up(party.call)
            out += party.agent.poll(now_ms)
            self._work(party, now_ms)
            party.due_ms = now_ms + min(_LONGEST_WAIT_MS, party.agent.next_timer(now_ms))
            if party.ended_ms is not None and now_ms - party.ended_ms > LINGER_MS:
                del self._parties[call_id]
        return out

    def next_timer(self, now_ms: int) -> int:
        """In how many ms `poll` has something to do."""
        return max(0, min((party.due_ms for party in self._parties.values()), default=now_ms + 1000) - now_ms)

    def close(self) -> None:
        """Gives the ports back."""
        for party in self._parties.values():
            if party.media is not None:
                party.media.close()

    def _new(self, message: Any, now_ms: int) -> _Party:
        account = {
            "user": "echo", "auth_user": "", "password": "", "domain": self.address[0], "display_name": "",
            "emergency": "", "registration_s": 3600, "media_security": 0, "mailbox": "",
        }  # fmt: skip
        agent = Agent(account, self.address, self.random)
        return _Party(agent, Echo(self.random, now_ms), int.from_bytes(self.random(4), "big"))

    def _work(self, party: _Party, now_ms: int) -> None:
        """Does what the agent's events ask for."""
        events = party.agent.events
        while events:
            event = events.pop(0)
            if event[0] == "incoming" and party.call is not None:  # another of the same Call-ID: forked on its way
                party.agent.reject(event[1], 482)
            elif event[0] in ("incoming", "offer"):
                party.call = event[1]
                self._answer(party)
            elif event[0] == "ended" and event[1] is party.call:
                party.ended_ms = now_ms
                if party.media is not None:
                    party.media.close()
                    party.media = None

    def _answer(self, party: _Party) -> None:
        """Takes the call, or its new offer; where there is none, or none that can be taken, it is refused."""
        description = party.call.description
        try:
            if description is None:
                raise SipError("an INVITE without an offer", 488)
            if party.media is None:
                party.media = self.open_media(party.echo)
            party.version += 1
            sdp = answer(
                description, self.address[0], party.media.port, party.session, party.version, _CODECS,
                description.ptime or 20, "sendrecv",
            )  # fmt: skip
        except SipError as error:
            party.agent.reject(party.call, error.status or 488)
            return
        party.echo.sends = "send" in agreed("sendrecv", description.direction)
        party.agent.answer(party.call, sdp)
