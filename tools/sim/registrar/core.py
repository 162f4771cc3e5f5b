"""The registrar without I/O: datagrams and time in, datagrams and events out.

Events (tuples of texts): ("registered", user, contact), ("unregistered", user, ""), ("refused", user, why),
("call", from, to).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final, Protocol

from adapter.sip.errors import SipError
from adapter.sip.incoming import way_back
from adapter.sip.message import parse, response
from adapter.sip.transaction import LIFE_MS
from adapter.sip.uri import name_addr, parameter, parse_uri
from tools.sim.registrar.bindings import MIN_EXPIRES_S, Address, Bindings, TooBriefError
from tools.sim.registrar.challenges import NONCE_LIFE_MS, Challenges, Verdict
from tools.sim.registrar.proxy import Proxy
from tools.sim.registrar.subscribers import Subscriber, Subscribers

MAX_WAITING: Final = 1000  # users whose requests wait for a new list
MAX_EVENTS: Final = 1000
LIST_LIFE_MS: Final = 15_000  # a list is gone by no longer, while anybody registers or calls
_IN_CALLS: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER"
_MAY_CALL: Final = frozenset({"outgoing_only", "full"})
_MAY_REGISTER: Final = frozenset({"emergency_only", "outgoing_only", "full"})
_NANP_DIGITS: Final = 10
Header = tuple[str, str]


class Parties(Protocol):
    """Whom one can call at the registrar itself; all of a call that began at one of them is theirs."""

    def answers(self, user: str) -> bool: ...
    def is_emergency(self, user: str) -> bool: ...
    def owns(self, call_id: str) -> bool: ...
    def feed(self, data: bytes, message: Any, source: Address, now_ms: int) -> None: ...
    def poll(self, now_ms: int) -> list[tuple[bytes, Address]]: ...
    def next_timer(self, now_ms: int) -> int: ...


class Registrar:
    """`subscribers` are whoever owns this to keep up to date; `list_wanted` says that somebody asks for news of it.

    With `patient`, whoever is unknown, or whose password is wrong, waits (unanswered: they ask again by themselves)
    for a list that was read after they first asked: a line that is refused holds off for minutes.
    """

    def __init__(
        self,
        address: Address,
        random: Callable[[int], bytes],
        parties: Parties,
        *,
        min_expires_s: int = MIN_EXPIRES_S,
        nonce_life_ms: int = NONCE_LIFE_MS,
        patient: bool = False,
    ) -> None:
        self.events: list[tuple[str, str, str]] = []
        self.list_wanted = False
        self.bindings = Bindings(min_expires_s)
        self._address = address
        self._parties = parties
        self._patient = patient
        self._secret = random(32)
        self._challenges = Challenges(self._secret, nonce_life_ms)
        self._proxy = Proxy(address, self._secret)
        self._subscribers: Subscribers = {}
        self._listed_ms = 0
        self._waiting: dict[str, int] = {}  # user -> when they first asked
        self._domains: frozenset[str] = frozenset()
        self._out: list[tuple[bytes, Address]] = []

    def set_subscribers(self, subscribers: Subscribers | None, read_ms: int) -> None:
        """The list as it was at `read_ms`; None: as it was before."""
        self.list_wanted = False
        self._listed_ms = read_ms
        # Nobody asks for longer than a transaction lasts: who asked then and asks now does so anew.
        self._waiting = {user: since_ms for user, since_ms in self._waiting.items() if read_ms - since_ms < LIFE_MS}
        if subscribers is not None:
            for user, before in self._subscribers.items():
                if user not in subscribers or subscribers[user].ha1_sha256 != before.ha1_sha256:
                    self.bindings.forget(user)  # what an account bound that is dead now is no way to the next
            self._subscribers = subscribers
            self._domains = frozenset(each.domain.lower() for each in subscribers.values())

    def feed(self, data: bytes, source: Address, now_ms: int) -> None:
        """A datagram; what makes no sense is dropped or refused."""
        if not data.strip():
            return  # a sign of life, RFC 5626 4.4.1
        try:
            try:
                message = parse(data)
                if self._parties.owns(message.get("call-id")):
                    self._parties.feed(data, message, source, now_ms)
                elif message.method:
                    self._request(data, message, source, now_ms)
                elif passed := self._proxy.response(message):
                    self._out.append(passed)
            except SipError as error:
                if error.status and error.message is not None:
                    self._reply(error.message, source, error.status)
        except SipError:
            return

    def poll(self, now_ms: int) -> list[tuple[bytes, Address]]:
        """What is to be sent now."""
        out, self._out = self._out + self._parties.poll(now_ms), []
        return out

    def next_timer(self, now_ms: int) -> int:
        """In how many ms `poll` has something to do."""
        return self._parties.next_timer(now_ms)

    def _request(self, data: bytes, message: Any, source: Address, now_ms: int) -> None:
        tag = parameter(message.get("to"), "tag")
        if message.method == "ACK" and tag == self._tag(message):
            return  # of a refusal of ours
        try:
            _, user, host, _, _ = parse_uri(message.uri)
            if message.method == "REGISTER":
                self._register(message, source, now_ms)
            elif tag is not None and message.method != "CANCEL" and message.get("route"):
                self._pass(message, source, self._proxy.next_hop(message))
            elif not self._is_ours(host) and not self._parties.is_emergency(number_of(user)):
                self._reply(message, source, 404)
            elif not user and message.method == "OPTIONS":
                self._reply(message, source, 200, [("allow", _IN_CALLS)])
            elif message.method in ("INVITE", "CANCEL", "ACK", "OPTIONS"):
                self._call(data, message, number_of(user), source, now_ms)
            else:
                self._reply(message, source, 405, [("allow", _IN_CALLS)])
        except SipError as error:
            self._reply(message, source, error.status or 400)

    def _register(self, message: Any, source: Address, now_ms: int) -> None:
        """RFC 3261 10.3."""
        _, user, _, _, _ = parse_uri(name_addr(message.get("to"))[1])
        subscriber = self._proven(message, user, "authorization", source, now_ms)
        if subscriber is None:
            return
        if subscriber.level not in _MAY_REGISTER:
            self._refuse(message, source, user, f"its level is {subscriber.level}")
            return
        before = bool(self.bindings.of(user, now_ms))
        try:
            found = self.bindings.register(user, message, source, now_ms)
        except TooBriefError as error:
            self._reply(message, source, 423, [("min-expires", str(error.least_s))])
            return
        if bool(found) != before:
            contact = found[0].contact if found else ""
            self._tell("registered" if found else "unregistered", user, contact)
        left = [f"<{each.contact}>;expires={(each.until_ms - now_ms) // 1000}" for each in found]
        self._reply(message, source, 200, [("contact", ", ".join(left))] if left else [])

    def _call(self, data: bytes, message: Any, user: str, source: Address, now_ms: int) -> None:
        """What begins a call, or belongs to its beginning."""
        emergency = self._parties.is_emergency(user)
        if message.method == "INVITE" and not emergency:
            _, caller, _, _, _ = parse_uri(name_addr(message.get("from"))[1])
            subscriber = self._proven(message, caller, "proxy-authorization", source, now_ms)
            if subscriber is None:
                return
            if subscriber.level not in _MAY_CALL:
                self._refuse(message, source, caller, f"its level is {subscriber.level}")
                return
            if not subscriber.may_call(user):
                self._refuse(message, source, caller, f"it may not call {user}")
                return
        if self._parties.answers(user):
            if message.method == "INVITE":
                self._tell_call(message, user)
            self._parties.feed(data, message, source, now_ms)
            return
        called = self._subscribers.get(user)
        if called is None:
            self._reply(message, source, 404)
            return
        found = self.bindings.of(user, now_ms)
        if not found or called.level != "full":
            self._reply(message, source, 480)
            return
        if message.method == "INVITE":
            self._tell_call(message, user)
        message.uri = found[0].contact
        self._pass(message, source, found[0].source)

    def _proven(self, message: Any, user: str, field: str, source: Address, now_ms: int) -> Subscriber | None:
        """The subscriber `user` if the request proves to be theirs; else it has been answered, and None."""
        subscriber = self._subscribers.get(user)
        realm = subscriber.realm if subscriber else parse_uri(name_addr(message.get("from"))[1])[2]
        given = self._challenges.credentials(message, field, realm)
        verdict = Verdict.MISSING
        if given is not None:
            verdict = self._challenges.check(given, message, subscriber, now_ms)
            if verdict in (Verdict.GOOD, Verdict.AGAIN) and given["username"] != user:
                verdict = Verdict.WRONG
        if verdict in (Verdict.GOOD, Verdict.AGAIN):
            self._waiting.pop(user, None)
            self.list_wanted = self.list_wanted or now_ms - self._listed_ms >= LIST_LIFE_MS
            return subscriber
        if (subscriber is None or verdict is Verdict.WRONG) and self._waits(user, now_ms):
            return None
        if verdict is Verdict.WRONG:
            self._refuse(message, source, user, "its credentials are wrong" if subscriber else "it is unknown")
            return None
        status, name = (401, "www") if field == "authorization" else (407, "proxy")
        values = self._challenges.values(realm, now_ms, stale=verdict is Verdict.STALE)
        self._reply(message, source, status, [(f"{name}-authenticate", value) for value in values])
        return None

    def _waits(self, user: str, now_ms: int) -> bool:
        """Whether a newer list may know better."""
        if not self._patient or len(self._waiting) >= MAX_WAITING:
            return False
        if self._listed_ms > self._waiting.setdefault(user, now_ms):
            del self._waiting[user]
            return False
        self.list_wanted = True
        return True

    def _refuse(self, message: Any, source: Address, user: str, why: str) -> None:
        self._tell("refused", user, why)
        self._reply(message, source, 403)

    def _pass(self, message: Any, source: Address, destination: Address) -> None:
        self._out.append(self._proxy.request(message, source, destination))

    def _reply(self, message: Any, source: Address, status: int, headers: list[Header] | None = None) -> None:
        """Answers without a transaction of its own (8.2.7): the same request gets the same tag each time."""
        if message.method == "ACK":
            return
        _, destination, _ = way_back(message, source)
        made = response(message, status)
        tag = f";tag={self._tag(message)}"
        made.headers = [
            (name, value + tag if name == "to" and parameter(value, "tag") is None else value)
            for name, value in made.headers
        ]
        made.headers += headers or []
        self._out.append((made.pack(), destination))

    def _tag(self, message: Any) -> str:
        text = f"{message.get('call-id')} {parameter(message.get('from') or '', 'tag')}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:12]

    def _is_ours(self, host: str) -> bool:
        return host.lower() in self._domains or host == self._address[0]

    def _tell_call(self, message: Any, user: str) -> None:
        self._tell("call", str(parse_uri(name_addr(message.get("from"))[1])[1]), user)

    def _tell(self, what: str, user: str, more: str) -> None:
        """Events are shown on terminals: what a stranger sent moves none."""
        event = (what, _printable(user), _printable(more))
        again = what == "call" and event in self.events[-1:]  # it may come several times
        if not again and len(self.events) < MAX_EVENTS:
            self.events.append(event)


def number_of(user: str) -> str:
    """A dialled number as subscribers have it: +1 before ten digits, + before eleven with the 1."""
    digits = "".join(each for each in user if each not in "-.()")
    if digits.isascii() and digits.isdigit():
        if len(digits) == _NANP_DIGITS:
            return "+1" + digits
        if len(digits) == _NANP_DIGITS + 1 and digits.startswith("1"):
            return "+" + digits
    return digits


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)
