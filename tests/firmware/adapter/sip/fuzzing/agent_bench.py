"""An agent in some state, and the messages that could come next; runs under CPython and under MicroPython.

`Bench(state)` is the same each time, down to every tag: its randomness is a generator of its own. So a mutant of what
`nexts` gives here fits the agent there. Nothing but SipError may leave `feed`, and not even that.
"""

from adapter.sip import sdp
from adapter.sip.agent import Agent
from adapter.sip.endpoint import MAX_SENDS, MAX_TRANSACTIONS
from adapter.sip.message import parse, request, response
from adapter.sip.uri import parameter

STATES = ("idle", "registering", "dialling", "ringing", "up", "holding")
OWN = ("192.0.2.10", 5060)
PEER = ("192.0.2.1", 5060)
OFFER = sdp.offer("192.0.2.20", 4000, 1, 1, ("PCMU", "PCMA"), 20, "sendrecv")
_STEP_MS = 7
_MAX_KEPT = 8
ACCOUNT = {
    "user": "+15550001", "auth_user": "u", "password": "secret", "domain": "example.net", "display_name": "",
    "emergency": "911", "registration_s": 3600, "media_security": 1, "mailbox": "",
}  # fmt: skip


class Bench:
    """`alive` says whether the agent still answers OPTIONS; `feed` gives it a datagram of the peer's."""

    def __init__(self, state):
        self.now_ms = 1000
        self._seed = 7
        self._asked = 0
        self.sent = []  # the last ones, as bytes
        self.call = None
        self.agent = Agent(ACCOUNT, OWN, self._random)
        self.agent.set_registrars([(PEER[0], PEER[1], "udp")])
        if state == "registering":
            self.agent.register(self.now_ms)
        elif state == "dialling":
            self.call = self.agent.dial("5550002", OFFER, self.now_ms)
        elif state != "idle":
            self._called(state)
        self._poll()

    def feed(self, data):
        """One datagram; the user takes every event, and answers what asks for it."""
        self.agent.feed(data, PEER, self.now_ms)
        events = self.agent.events
        for event in events:
            if event[0] == "offer":
                self.agent.answer(event[1], OFFER)
            elif event[0] == "incoming":
                self.agent.ring(event[1])
        del events[:]
        self.now_ms += _STEP_MS
        self._poll()

    def alive(self):
        """OPTIONS is answered, and nothing has piled up; time passes."""
        self._asked += 1
        self.now_ms += 500
        self.feed(self.inquiry("OPTIONS", self._asked, "", b"", f"z9hG4bKalive{self._asked}"))
        answer = [data for data in self.sent if f"z9hG4bKalive{self._asked};".encode() in data]
        return (
            len(answer) == 1
            and answer[0][:11] == b"SIP/2.0 200"
            and len(self.agent.endpoint.transactions) <= MAX_TRANSACTIONS
            and len(self.agent.calls) <= 2
        )

    def inquiry(self, method, cseq, tag, body, branch):
        """A request of the peer's, as bytes; in the dialog with our `tag` if there is one."""
        message = request(method, "sip:+15550001@192.0.2.10:5060")
        message.headers = [
            ("via", "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=" + branch),
            ("max-forwards", "69"),
            ("from", '"Bob" <sip:+15550002@example.net>;tag=bobs'),
            ("to", "<sip:+15550001@example.net>" + (";tag=" + tag if tag else "")),
            ("call-id", "bobs-call"),
            ("cseq", f"{cseq} {method}"),
            ("contact", "<sip:bob@192.0.2.20:5060;transport=udp>"),
            ("record-route", "<sip:192.0.2.1;lr;ftag=bobs>"),
            ("allow", "INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, OPTIONS, UPDATE"),
        ]
        if method == "NOTIFY":
            message.headers.append(("event", "message-summary"))
            message.headers.append(("content-type", "application/simple-message-summary"))
            message.body = b"Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n"
        elif body:
            message.headers.append(("content-type", "application/sdp"))
            message.body = body
        return message.pack()

    def nexts(self):
        """What could come next: requests in and out of the dialog, and responses to all that was sent."""
        out = []
        tag = self.call.dialog.tag if self.call else ""
        for method in ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "NOTIFY", "INFO", "UPDATE", "REFER"):
            for cseq in (1, 9):
                body = OFFER if method in ("INVITE", "ACK") else b""
                out.append(self.inquiry(method, cseq, tag, body, "z9hG4bKINVITE1"))
                out.append(self.inquiry(method, cseq, "", body, f"z9hG4bK{method}{cseq}"))
        for data in self.sent:
            if data[:3] != b"SIP":
                for status in (100, 183, 200, 302, 401, 407, 423, 486, 491, 503):
                    out.append(self._answer(data, status))
        return out

    def _answer(self, data, status):
        message = response(parse(data), status)
        message.headers = [
            (name, value + ";tag=peers" if name == "to" and parameter(value, "tag") is None else value)
            for name, value in message.headers
        ]
        message.headers.append(("contact", "<sip:peer@192.0.2.20:5060>;expires=60"))
        message.headers.append(("record-route", "<sip:192.0.2.1;lr>, <sip:192.0.2.9:5070;lr>"))
        message.headers.append(("min-expires", "7200"))
        message.headers.append(("retry-after", "5"))
        name = "www-authenticate" if status == 401 else "proxy-authenticate"
        message.headers.append((name, 'Digest realm="example.net", nonce="x1", algorithm=MD5, qop="auth"'))
        if status in (183, 200):
            message.headers.append(("content-type", "application/sdp"))
            message.body = OFFER
        return message.pack()

    def _called(self, state):
        self.agent.feed(self.inquiry("INVITE", 1, "", OFFER, "z9hG4bKINVITE1"), PEER, self.now_ms)
        self.call = self.agent.events.pop()[1]
        self.agent.ring(self.call)
        if state != "ringing":
            self.agent.answer(self.call, OFFER)
            self.agent.feed(self.inquiry("ACK", 1, self.call.dialog.tag, b"", "z9hG4bKack"), PEER, self.now_ms)
        if state == "holding":
            self.agent.hold(self.call, OFFER)

    def _poll(self):
        sent = self.agent.poll(self.now_ms)
        if len(sent) > MAX_SENDS + MAX_TRANSACTIONS:
            raise AssertionError(f"{len(sent)} datagrams at once")
        for data, _ in sent:
            self.sent.append(data)
        del self.sent[:-_MAX_KEPT]

    def _random(self, count):
        out = bytearray(count)
        for at in range(count):
            self._seed = (self._seed * 1103515245 + 12345) & 0x3FFFFFFF
            out[at] = self._seed >> 16 & 0xFF
        return bytes(out)
