"""One call: what INVITE, ACK, CANCEL and BYE of both ends make of it, in whatever order (RFC 3261 9, 13 to 15).

Each call brings exactly one ("ended", call, status, reason); what is left to be said to the peer after it (a CANCEL
that waits for a provisional response, a BYE) the call says on its own, for some 30 s at most.
"""

from adapter.sip.dialog import Dialog, companion
from adapter.sip.errors import SipError
from adapter.sip.incoming import seconds
from adapter.sip.sdp import parse
from adapter.sip.transaction import LIFE_MS, row
from adapter.sip.uri import name_addr, parameter, parse_uri

RING_LIMIT_MS = 180_000
_REPEAT_MS = 60_000  # 13.3.1.1: a proxy's Timer C wants to hear of it
_MAX_FORKS = 4
_PORT = 5060
_MAX_OFFERS = 5  # how often a re-INVITE is tried that meets one of the peer's
_MAX_RETRY_S = 32

# state, event, next state, what is done: `end` tells the user, `reject` answers the INVITE.
TRANSITIONS = """
calling 1xx proceeding -
calling 2xx up -
calling unusable ending end,bye
calling failure ended end
calling hang_up holding end
holding 1xx cancelling cancel
holding 2xx ending bye
holding unusable ending bye
holding failure ended -
proceeding 1xx proceeding -
proceeding 2xx up -
proceeding unusable ending end,bye
proceeding failure ended end
proceeding hang_up cancelling end,cancel
cancelling 1xx cancelling -
cancelling 2xx ending bye
cancelling unusable ending bye
cancelling failure ended -
incoming ring ringing -
incoming answer accepted -
incoming hang_up ended end,reject
incoming cancel ended end,reject
incoming failure ended end
ringing ring ringing -
ringing answer accepted -
ringing hang_up ended end,reject
ringing cancel ended end,reject
ringing failure ended end
accepted ack up -
accepted hang_up closing end
accepted bye ended end
accepted failure ending end,bye
closing ack ending bye
closing bye ended -
closing failure ending bye
up hang_up ending end,bye
up failure ending end,bye
up bye ended end
ending bye ending -
ending gone ended -
"""


class Call:
    """`id` is its Call-ID, `peer` the number, `name` what the caller calls itself, `description` the peer's last SDP.

    `offered` is the peer's re-INVITE that waits for our answer, `invite` the INVITE that began the call.
    """

    def __init__(self, agent, dialog, peer, name, incoming):
        self._agent = agent
        self.endpoint = agent.endpoint
        self.trusts = not incoming  # whether its requests may carry credentials
        self.dialog = dialog
        self.id = dialog.id
        self.peer = peer
        self.name = name
        self.incoming = incoming
        self.state = "incoming" if incoming else "calling"
        self.description = None
        self.invite = None
        self.offered = None
        self.due_ms = 0  # 0: the next `poll` sets the limit of this state
        self.ack = None  # what our last INVITE's 2xx gets
        self._acks = {}  # CSeq and tag of a 2xx -> the ACK that it gets each time it comes
        self._offering = None
        self.wanted = None  # the SDP of a re-INVITE that is to be sent, not before `retry_ms`
        self.tries = self.retry_ms = 0
        self._limit_ms = 0

    def reply(self, status, sdp=b""):
        """Answers the INVITE, or the re-INVITE, that waits for it; False if none does, as when it was cancelled."""
        waiting = self.offered
        if waiting is None:
            if not self.handle("ring" if status < 200 else "answer"):
                return False
            waiting = self.invite
        elif waiting.state != "proceeding":
            return False
        elif status >= 300:
            self.offered = None
        self.endpoint.reply(waiting, status, (), sdp)
        return True

    def handle(self, event, status=0, reason=""):
        """Moves, and does what TRANSITIONS says; False if the event means nothing now."""
        found = row(TRANSITIONS, self.state + " " + event)
        if not found:
            return False
        if found[0] != self.state:
            self.state = found[0]
            self.due_ms = self._limit_ms = 0
            if found[0] in ("holding", "cancelling"):
                self.trusts = False  # nothing of it is said again
        endpoint = self.endpoint
        if "end" in found[1]:
            endpoint.events.append(("ended", self, status, reason))
            self._agent.let_go(self)
        if "reject" in found[1]:
            endpoint.reply(self.invite, status)
        if "bye" in found[1]:
            self.trusts = not self.incoming
            endpoint.send(self.dialog.request("BYE"), self, self.dialog.next_hop(endpoint.reliable), 0)
        if "cancel" in found[1]:
            sent = self.invite
            message = companion(sent.message, "CANCEL", sent.message.get("to"))
            endpoint.send(message, self, sent.destination, 0)
        return True

    def poll(self, now_ms):
        """Limits, and what waited for its time; `due_ms` is when to ask again."""
        if not self._limit_ms:
            self._limit_ms = now_ms + (LIFE_MS if self.state == "cancelling" else RING_LIMIT_MS)
            self._repeat_ms = now_ms + _REPEAT_MS
        if now_ms >= self._limit_ms:
            self._limit_ms = 0
            if self.state == "cancelling":  # 9.1: no final response came
                self.endpoint.drop(self.invite)
                self.handle("failure")
            elif self.state in ("calling", "proceeding", "incoming", "ringing"):
                self.handle("hang_up", 480 if self.incoming else 408, "no answer")
            return
        self.due_ms = self._limit_ms
        if self.state == "ringing":
            if now_ms >= self._repeat_ms:
                self._repeat_ms = now_ms + _REPEAT_MS
                self.endpoint.reply(self.invite, 180)
            self.due_ms = min(self._repeat_ms, self._limit_ms)
        elif self.state == "up" and self.wanted is not None and self._offering is None and self.offered is None:
            if now_ms < self.retry_ms:
                self.due_ms = min(self.retry_ms, self._limit_ms)
            else:
                self.tries += 1
                self._offering = self.send(self.wanted)

    def send(self, sdp):
        """An INVITE with `sdp`, its transaction. The URI of a later one is the peer's choice: credentials for another

        number than the one dialled would let whoever is called call that number in our name.
        """
        endpoint, dialog = self.endpoint, self.dialog
        message = dialog.request("INVITE")
        self.trusts = not self.incoming and parse_uri(message.uri)[1] == self.peer
        message.headers.extend(endpoint.offers)
        message.headers.append(("contact", endpoint.contact()))
        message.headers.append(("content-type", "application/sdp"))
        message.body = sdp
        patience_ms = 0 if dialog.peer_tag else endpoint.patience_ms
        return endpoint.send(message, self, dialog.next_hop(endpoint.reliable), patience_ms)

    # What comes of our requests.

    def response(self, sent, message):
        """Of a transaction of ours: a response, or None for none in time."""
        status = message.status if message else 408
        if sent.machine == "is":  # our 2xx was never acknowledged
            self.handle("failure", 408, "no ACK")
        elif sent.method == "BYE":
            if status >= 200:
                self.handle("gone")
        elif sent.method == "INVITE":
            if 200 <= status < 300:
                self._accepted(sent, message)
            elif sent is self.invite:
                self._heard(sent, message, status)
            elif sent is self._offering and status >= 200:
                self._offer_refused(message, status)

    def _heard(self, sent, message, status):
        """A provisional response or a failure of the first INVITE."""
        if 100 < status < 200:
            self._note(message)
            if self.state in ("calling", "proceeding"):
                self.endpoint.events.append(("progress", self, status, self.description if message.body else None))
        if status < 200:
            self.handle("1xx")
        elif self.state not in ("calling", "proceeding") or not self._elsewhere(sent, message, status):
            reason = message.reason[:40] if message else "no answer"
            self.handle("failure", status, reason)

    def _elsewhere(self, sent, message, status):
        """True if the INVITE goes on: to the next registrar of a dead one, or to that which a 3xx names (8.1.3.4).

        Whoever is called can answer 3xx, and the account pays: the number stays the one that was dialled, and the
        host has to be another registrar of the account, once. Whatever else a 3xx wants is a failure.
        """
        endpoint, registration = self.endpoint, self._agent.registration
        self.tries += 1
        if (message is None or status == 503) and registration.fail_over(self.tries, sent.destination):
            sent.destination = self.dialog.destination = endpoint.destination
            endpoint.again(sent)
            return True
        if 300 <= status < 400 and not endpoint.reliable and sent.destination == endpoint.destination:
            dialled = parse_uri(sent.message.uri)[1]
            for contact in message.all("contact"):
                scheme, user, host, port, _ = parse_uri(name_addr(contact)[1])
                place = host, port or _PORT
                if scheme == "sip" and user == dialled and place in endpoint.registrars and place != sent.destination:
                    sent.destination = self.dialog.destination = place
                    endpoint.again(sent)
                    return True
        return False

    def _accepted(self, sent, message):
        """A 2xx: each end that sends one gets its ACK as often as it asks, but one alone the call (13.2.2.4)."""
        endpoint, dialog = self.endpoint, self.dialog
        tag = parameter(message.get("to"), "tag") or ""
        cseq = sent.message.cseq[0]
        key = "%d %s" % (cseq, tag)
        if key in self._acks and self._acks[key][0]:  # not one that the heap had no room for
            endpoint.put(*self._acks[key])
            return
        first = not dialog.peer_tag
        if first or dialog.peer_tag != tag:
            if len(self._acks) >= _MAX_FORKS:
                return
            if not first:
                dialog = Dialog(self.id, "", dialog.tag, "", dialog.target, dialog.destination, [])
                dialog.local, dialog.cseq = self.dialog.local, cseq
            dialog.establish(message, sent.destination)
        else:
            self._acks = {}
            dialog.refresh(message)
        ack = dialog.request("ACK", cseq)
        hop = dialog.next_hop(endpoint.reliable)
        for header in sent.message.headers:  # with the credentials of the INVITE, for those who asked for them
            if "authorization" in header[0] and hop in endpoint.registrars:
                ack.headers.append(header)
        endpoint.stamp(ack)
        self._acks[key] = sent_ack = endpoint.pack(ack), hop
        endpoint.put(sent_ack[0] or ack, hop)
        if dialog is self.dialog:
            self.ack = sent_ack
        if dialog is not self.dialog:
            endpoint.send(dialog.request("BYE"), None, hop, 0)
        else:
            self._agreed(sent, message, first)

    def _agreed(self, sent, message, first):
        """The call is up, unless it was given up or nothing is said of its media; or our re-INVITE is taken."""
        self._note(message)
        event = "media" if self.state == "up" else "answered" if self.state in ("calling", "proceeding") else ""
        if first:
            self.handle("2xx" if self.description else "unusable", 488, "no session description")
        elif sent is self._offering:
            self._offering = None
            self.due_ms = 0
            if self.wanted == sent.message.body:  # and nothing newer
                self.wanted = None
        else:
            return
        if event and self.state == "up":
            self.endpoint.events.append((event, self, self.description))

    def _offer_refused(self, message, status):
        """Our re-INVITE failed: it met the peer's (14.1: wait a while), the dialog is gone, or the peer will not."""
        self._offering = None
        after_s = seconds(message and message.get("retry-after"), -1, _MAX_RETRY_S)
        if self.tries < _MAX_OFFERS and (status == 491 or (after_s >= 0 and status >= 500)):
            wait_ms = 10 * self.endpoint.chance(201) if self.incoming else 2100 + 10 * self.endpoint.chance(191)
            wait_ms += 1000 * max(after_s, 0)
            self.retry_ms = self.endpoint.now_ms + wait_ms
            self.due_ms = 0
        elif status in (408, 481):  # 12.2.1.2
            self.handle("failure", status, "the peer is gone")
        else:
            self.wanted = None
            if self.state == "up":
                self.endpoint.events.append(("refused", self, status))

    # What the peer asks for.

    def request(self, received, message):
        """BYE or INVITE in this dialog."""
        endpoint = self.endpoint
        if message.method == "BYE":
            known = self.handle("bye", 200) or self.handle("cancel", 487, "hung up")
            endpoint.reply(received, 200 if known else 481)
            if self.offered and self.offered.state == "proceeding":
                endpoint.reply(self.offered, 487)
        elif self._offering:  # 14.2: glare
            endpoint.reply(received, 491)
        elif self.state != "up" or self.offered:
            status = 500 if self.state in ("up", "accepted") else 481
            endpoint.reply(received, status, (("retry-after", str(endpoint.chance(11))),))
        else:
            if not self.describe(message):
                self.description = None  # the ACK of our answer will have it
            self.dialog.refresh(message)
            self.offered = received
            endpoint.events.append(("offer", self, self.description))

    def cancel(self, received):
        """The peer takes back its INVITE, or its re-INVITE."""
        if received is self.offered:
            self.offered = None
            self.endpoint.reply(received, 487)
        else:
            self.handle("cancel", 487, "cancelled")

    def acked(self, received, message):
        """The ACK of a 2xx of ours; with SDP in it if the INVITE had none."""
        if received is self.offered:
            self.offered = None
        self.due_ms = 0
        self.handle("ack")
        if self.state == "up":
            if message.body:
                self._note(message)
                self.endpoint.events.append(("media", self, self.description))
            if self.description is None:
                self.handle("failure", 488, "no session description")

    def describe(self, message):
        """Takes note of what a message says of the media; False if it says nothing; SipError."""
        if message.body:
            self.description = parse(message.body, self.endpoint.account["media_security"] > 0)
        return bool(message.body)

    def _note(self, message):
        """`describe` for what we cannot refuse: a response or an ACK; what makes no sense there is as nothing."""
        try:
            self.describe(message)
        except SipError:
            pass
