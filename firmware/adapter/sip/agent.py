"""The SIP user agent of one line: datagrams and time in, datagrams and events out (RFC 3261 8 to 15).

Nothing that a peer sends raises anything: what makes no sense is dropped or refused. Everything is bounded: MAX_CALLS,
and what endpoint.py bounds.

Events (tuples): ("registered", expires_s), ("unregistered", reason), ("registration_failed", status, reason),
("registrar", index), ("incoming", call, number, name), ("progress", call, status, description or None),
("answered", call, description), ("offer", call, description or None): the peer's re-INVITE, to be answered at once by
`answer` or `reject`; ("media", call, description): what an offer has come to; ("refused", call, status): the peer does
not take our re-INVITE, the call goes on as it was; ("ended", call, status, reason), ("message_waiting", count).
"""

from adapter.sip.call import Call
from adapter.sip.dialog import Dialog
from adapter.sip.endpoint import Endpoint
from adapter.sip.errors import SipError
from adapter.sip.incoming import caller, count_waiting, refusal
from adapter.sip.registration import Registration
from adapter.sip.uri import parameter, parse_uri

MAX_CALLS = 2
MAX_WAIT_MS = 30_000
_MAX_LEAVING = 4  # calls that have ended, but for a word to the peer
_MAX_USER = 64
_IN_USER = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,;?/"


class Agent:
    """`account`: the configuration's voice row; `contact`: (host, port) we are reached at; `random(n)`: n bytes.

    `saved`: what `save` of an earlier one gave, in the same boot. `calls`: those that have not ended.
    """

    def __init__(self, account, contact, random, saved=None):
        self.endpoint = Endpoint(account, contact, random, self)
        self.events = self.endpoint.events
        self.calls = []
        self._leaving = []
        self._waiting = None
        if account["mailbox"]:
            from adapter.sip.message_waiting import Subscription

            self._waiting = Subscription(self.endpoint)
        if saved:
            self.endpoint.token, self.endpoint.public, self.endpoint.challenges = saved[:3]
        self.registration = Registration(self.endpoint, saved and saved[3])

    # What the user does. The timers of what is sent start at the next `poll`.

    def set_registrars(self, registrars):
        """[(host, port, "udp", "tcp" or "tls")], addresses, the first is the one to be used if it can be."""
        registration = self.registration
        registration.registrars = registrars
        self.endpoint.registrars = [(host, port) for host, port, _ in registrars]
        registration.use(registration.index if registration.index < len(registrars) else 0)

    def register(self, now_ms):
        """Registers, or does so anew at once."""
        self.endpoint.now_ms = now_ms
        self.registration.register("")

    def unregister(self, now_ms):
        """Takes our Contact back; ("unregistered", "") follows in some 4 s at most."""
        self.endpoint.now_ms = now_ms
        self.registration.leave()

    def moved(self, contact, now_ms):
        """Our address is another now, or the link is back: registers at once. Calls need a re-INVITE (`hold`)."""
        endpoint = self.endpoint
        endpoint.now_ms = now_ms
        old = ""
        if contact != endpoint.local:
            old = endpoint.contact()
            endpoint.local = endpoint.public = contact
        self.registration.register(old)

    def dial(self, user, sdp, now_ms):
        """A call to `user`, as dialled. SipError when two are up; an emergency number ends one of them instead."""
        endpoint = self.endpoint
        account = endpoint.account
        endpoint.now_ms = now_ms
        if endpoint.destination is None or not 0 < len(user) <= _MAX_USER:
            raise SipError("a call to %r by way of %r: both are needed" % (user[:_MAX_USER], endpoint.destination))
        if len(self.calls) >= MAX_CALLS:
            if user not in account["emergency"].split(","):
                raise SipError("a third call; %d are up" % MAX_CALLS)
            self.hang_up(self.calls[0])
        escaped = "".join([c if c in _IN_USER else "".join(["%%%02X" % byte for byte in c.encode()]) for c in user])
        uri = "sip:%s@%s" % (escaped, account["domain"])
        dialog = Dialog(
            endpoint.hex(12), endpoint.address, endpoint.hex(4), "<%s>" % uri, uri, endpoint.destination,
            list(endpoint.routes),
        )  # fmt: skip
        call = Call(self, dialog, user, "", False)
        self.calls.append(call)
        call.invite = call.send(sdp)
        return call

    def ring(self, call):
        """Tells the caller that it rings (180)."""
        call.reply(180)

    def answer(self, call, sdp):
        """Takes a call, or the peer's re-INVITE ("offer"); without effect if that was taken back meanwhile."""
        call.reply(200, sdp)

    def reject(self, call, status):
        """Refuses a call, or the peer's re-INVITE, with `status` (300 to 699)."""
        if call.offered:
            call.reply(status)
        else:
            call.handle("hang_up", status, "rejected")

    def hang_up(self, call):
        """Ends a call in whatever state it is."""
        status = 487
        if call.state in ("incoming", "ringing"):
            status = 480
        elif call.state in ("accepted", "up"):
            status = 200
        call.handle("hang_up", status, "hung up")

    def hold(self, call, sdp):
        """A re-INVITE with `sdp`, as soon as one is possible; brings "media" or "refused"."""
        call.wanted = sdp
        call.tries = call.retry_ms = call.due_ms = 0

    def lost(self, destination, now_ms):
        """The network says that nothing gets through to `destination` (ICMP, a stream that broke)."""
        self.endpoint.now_ms = now_ms
        self.endpoint.lost(destination)

    @property
    def idle(self):
        """True if there is neither a call nor a request, but OPTIONS, that waits for an answer: `save` loses none."""
        if self.calls or self._leaving:
            return False
        for each in self.endpoint.transactions:
            if each.state in ("calling", "trying", "proceeding") and each.method != "OPTIONS":
                return False
        return True

    @property
    def rested(self):
        """True while it is registered and has nothing left to say, or to say again."""
        return self.registration.state == "registered" and not self.endpoint.transactions

    def save(self):
        """What `saved` of a new Agent takes, so that a registration outlives this module's being unloaded."""
        endpoint = self.endpoint
        return endpoint.token, endpoint.public, endpoint.challenges, self.registration.save()

    # Datagrams and time.

    def feed(self, data, source, now_ms):
        """A datagram, or one message of a stream, from `source`."""
        self.endpoint.now_ms = now_ms
        self.endpoint.feed(data, source)

    def poll(self, now_ms):
        """What is to be sent now: [(data, destination)]. Over a stream everything goes to the registrar."""
        self.endpoint.now_ms = now_ms
        if now_ms >= self.registration.due_ms:
            self.registration.poll(now_ms, not self.calls)
        for call in self.calls + self._leaving:
            if now_ms >= call.due_ms:
                call.poll(now_ms)
        if self._waiting and self.registration.state == "registered":
            self._waiting.poll(now_ms)
        out = self.endpoint.poll(now_ms)
        for call in self._leaving[:]:
            if call.state == "ended":
                self._leaving.remove(call)
                self.endpoint.forget(call, call.ack)
        return out

    def next_timer(self, now_ms):
        """In how many ms `poll` has something to do, at most MAX_WAIT_MS."""
        due_ms = min(now_ms + MAX_WAIT_MS, self.registration.due_ms)
        for each in self.calls + self._leaving + self.endpoint.transactions:
            due_ms = min(due_ms, each.due_ms)
        if self._waiting and self.registration.state == "registered":
            due_ms = min(due_ms, self._waiting.due_ms)
        return max(0, due_ms - now_ms)

    def let_go(self, call):
        """A call has ended for its user; it stays known as long as the peer may ask about it."""
        self.calls.remove(call)
        self._leaving.append(call)
        if len(self._leaving) > _MAX_LEAVING:
            oldest = self._leaving.pop(0)
            self.endpoint.forget(oldest, oldest.ack)

    # Requests of the peer.

    def request(self, received, message):
        """A new request, from the endpoint; SipError with the status of its answer."""
        owner = None
        if parameter(message.get("to"), "tag") is not None:
            for each in self.calls + self._leaving + [self._waiting]:
                if each and each.dialog and each.dialog.matches(message):
                    owner = each
        no = refusal(message)
        if no:
            self.endpoint.reply(received, no[0], no[1])
        elif owner:
            self._within(owner, received, message)
        elif parameter(message.get("to"), "tag") is not None:
            self.endpoint.reply(received, 481)
        else:
            self._outside(received, message)

    def _within(self, owner, received, message):
        """A request in a dialog (12.2.2); out of order it is refused and changes nothing."""
        endpoint, dialog = self.endpoint, owner.dialog
        received.owner = owner
        if message.cseq[0] <= dialog.peer_cseq:
            endpoint.reply(received, 500)
        elif message.method == "OPTIONS":
            dialog.peer_cseq = message.cseq[0]
            endpoint.reply(received, 200)
        elif (message.method == "NOTIFY") != (owner is self._waiting):
            endpoint.reply(received, 489 if message.method == "NOTIFY" else 481)
        elif endpoint.keep(received):
            dialog.peer_cseq = message.cseq[0]
            owner.request(received, message)
        else:
            endpoint.reply(received, 503)

    def _outside(self, received, message):
        """A request that belongs to no dialog; only INVITE begins one."""
        endpoint, method = self.endpoint, message.method
        scheme, user, _, _, _ = parse_uri(message.uri)
        host = received.destination[0]
        trusted = [each for each in self.registration.registrars if each[0] == host]
        if scheme not in ("sip", "sips", "tel"):
            endpoint.reply(received, 416)
        elif method == "OPTIONS":
            endpoint.reply(received, 200)
        elif method == "BYE":
            endpoint.reply(received, 481)
        elif user != endpoint.token and (user.lstrip("+") != endpoint.account["user"].lstrip("+") or not trusted):
            endpoint.reply(received, 404)
        elif method == "INVITE":
            self._invited(received, message)
        elif (message.get("event") or "").partition(";")[0].strip(" ") != "message-summary":
            endpoint.reply(received, 489)
        else:  # NOTIFY that nobody subscribed to, as many registrars send it (RFC 3842 4.1)
            count = count_waiting(message.body)
            endpoint.reply(received, 200)
            self.events.append(("message_waiting", count))

    def _invited(self, received, message):
        """A call for us; another one while one is up is the line's to judge."""
        endpoint = self.endpoint
        dialog = Dialog(message.get("call-id"), message.get("to"), endpoint.hex(4), "", "", received.destination, [])
        dialog.establish(message, received.destination)
        status = 0
        for call in self.calls + self._leaving:
            known = call.dialog
            if call.incoming and known.id == dialog.id and known.peer_tag == dialog.peer_tag:
                if call.invite.cseq == message.cseq[0]:
                    status = 482  # 8.2.2.2: the same by another way
        if not dialog.target:
            status = 400
        elif len(self.calls) >= MAX_CALLS:
            status = status or 486
        number, name = caller(message)
        call = Call(self, dialog, number, name, True)
        call.describe(message)
        if not endpoint.keep(received):
            status = status or 503
        if status:
            endpoint.reply(received, status)
            return
        received.owner = call
        call.invite = received
        self.calls.append(call)
        endpoint.reply(received, 100)
        self.events.append(("incoming", call, number, name))
