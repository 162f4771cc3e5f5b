"""Requests and responses of one line on their way: transactions, Via, Contact and credentials (RFC 3261 17, 18, 22).

Calls, registration and subscription stand above it and own its transactions. Datagrams come in by `feed` and go out by
`poll`. What a peer sends raises nothing: what makes no sense is dropped or refused.
"""

from binascii import hexlify

from adapter.sip.dialog import companion
from adapter.sip.digest import answer
from adapter.sip.errors import SipError
from adapter.sip.incoming import ALLOWED, way_back
from adapter.sip.message import parse, response
from adapter.sip.transaction import Transaction
from adapter.sip.uri import parameter

MAX_TRANSACTIONS = 12
MAX_EVENTS = 32
MAX_SENDS = 16
_SPARE_BYTES = 2048
_MAX_KEPT_BYTES = 1500  # a longer answer is not kept to be sent again
_MAX_CHALLENGE_BYTES = 1024
_COPIED = ("via", "from", "to", "call-id", "cseq", "record-route")
_MAX_TRIES = 4  # of one request that is challenged


class Endpoint:
    """`owner.request(received, message)` gets each new request, in a transaction that is not kept yet.

    `local` is (host, port) of our socket, `public` what the registrar sees of it; `destination`, `transport` and
    `reliable` are the registrar's in use. `token` is the user of our Contact: random, so that only who was told it by
    the registrar can name it.
    """

    def __init__(self, account, contact, random, owner):
        self.account = account
        self.local = self.public = contact
        self.random = random
        self.token = self.hex(6)
        self.events = []
        self.transactions = []
        self.now_ms = 0
        self.registrars = ()  # the addresses of all, which alone get credentials
        self.destination = None
        self.transport = "udp"
        self.reliable = False
        self.patience_ms = 0  # for the first response to an INVITE, if there is another registrar
        self.routes = []
        self.challenges = {}  # 401 or 407 -> [values, how often the nonce was used]
        self._block = bytearray(_SPARE_BYTES)  # made while the heap is whole: in pieces it may have no such block
        self.spare = self._block  # for what comes, or for one message that goes: None until that is sent
        self.offers = (("allow", ALLOWED), ("user-agent", "Plugtone"))
        self.address = '"%s" <sip:%s@%s>' % (account["display_name"], account["user"], account["domain"])
        self._owner = owner
        self._tag = self.hex(4)
        self._out = []

    def hex(self, count):
        """`count` random bytes as hexadecimal digits."""
        return hexlify(self.random(count)).decode()

    def chance(self, bound):
        """A random number from 0 to below `bound`."""
        return int.from_bytes(self.random(4), "big") % bound

    def contact(self):
        """Our Contact, a name-addr without parameters."""
        suffix = "" if self.transport == "udp" else ";transport=" + self.transport
        return "<sip:%s@%s:%d%s>" % (self.token, self.public[0], self.public[1], suffix)

    def feed(self, data, source):
        """A datagram, or one message of a stream; one that finds us with too much on our hands is lost."""
        if len(self.events) >= MAX_EVENTS or len(self._out) >= MAX_SENDS:
            return
        if len(data) <= 4 and not bytes(data).strip():  # RFC 5626 4.4.1: a sign of life, in a stream to be answered
            if len(data) == 4 and self.reliable:
                self.put(b"\r\n", source)
            return
        try:
            try:
                message = parse(data)
                if message.method:
                    self._requested(message, source)
                else:
                    self._answered(message)
            except SipError as error:
                message = error.message
                if error.status and message and message.method != "ACK":
                    key, destination, reliable = way_back(message, source)
                    self.reply(Transaction("ns", message, destination, key, None, reliable, 0), error.status)
        except (SipError, MemoryError):  # what the heap has no room for now is as lost; it comes again
            return

    def prepare(self):
        """By whoever has sent all that `poll` gave: the spare block is free again."""
        self.spare = self._block

    def poll(self, now_ms):
        """Sends again what is due, and gives all that is to be sent: [(data, destination)]."""
        for each in list(self.transactions):
            if now_ms >= each.due_ms:
                self._do(each, each.poll(now_ms), None)
            if each.state == "terminated":
                self.drop(each)
        out = self._out
        self._out = []
        return out

    def lost(self, destination):
        """Nothing gets through to `destination`, says the network: what waits for an answer from there has failed."""
        for each in list(self.transactions):
            if each.destination == destination:
                self._do(each, each.handle("lost"), None)

    def put(self, data, destination):
        """To be sent: bytes, or a Message; one that the heap has no room for goes out of the spare block.

        If another one lies there, or it is too long for that, it is lost, as on the way.
        """
        if not isinstance(data, bytes):
            message, data = data, self.pack(data)
            if not data and self.spare is not None:
                try:
                    data = message.pack(self.spare)
                    self.spare = None
                except (MemoryError, ValueError):
                    pass
        if data:
            self._out.append((data, destination))

    def pack(self, message):
        """The message as bytes, to be kept; b"" if the heap has no room for it, even without what is over."""
        for _ in range(2):
            try:
                return message.pack()
            except MemoryError:
                self.shed()
        return b""

    def drop(self, transaction):
        """Nobody waits for it any more."""
        if transaction in self.transactions:
            self.transactions.remove(transaction)

    def keep(self, transaction):
        """True if there is room for one more, if need be that of one which has said all it had to."""
        kept = self.transactions
        if len(kept) >= MAX_TRANSACTIONS:
            for each in kept:
                if self._is_over(each):
                    kept.remove(each)
                    break
        if len(kept) >= MAX_TRANSACTIONS:
            return False
        kept.append(transaction)
        return True

    # Requests of ours.

    def send(self, message, owner, destination, limit_ms):
        """A request in a transaction of its own, which is returned; `owner.response` is told what comes of it."""
        if message.method == "CANCEL":
            key = parameter(message.get("via"), "branch")
        else:
            within = not owner or owner.dialog.peer_tag or message.method == "OPTIONS"  # of which any answer will do
            self._sign(message, destination, within, ())
            key = self.stamp(message)
        machine = "ic" if message.method == "INVITE" else "nc"
        sent = Transaction(machine, message, destination, key, owner, self.reliable, limit_ms)
        while not self.keep(sent):
            oldest = self.transactions.pop(0)
            self._do(oldest, oldest.handle("lost"), None)
        self.put(message, destination)
        return sent

    def again(self, sent):
        """A request anew, as its message and destination are now; what came of it so far was a failure, or nothing."""
        message = sent.message
        if sent.data:  # an INVITE that was refused: its end goes on, to acknowledge that whenever it comes again
            old = Transaction("ic", message, sent.destination, sent.key, None, sent.reliable, 0)
            old.state, old.data = sent.state, sent.data
            old.message = sent.data = None
            self.keep(old)
        owner = sent.owner
        if owner.state == "proceeding":
            owner.state = "calling"  # nobody has answered this one
        dialog = owner.dialog
        dialog.cseq += 1
        message.cseq = (dialog.cseq, message.method)
        headers = [("cseq", "%d %s" % message.cseq)]
        for header in message.headers:
            if header[0] not in ("via", "cseq", "authorization", "proxy-authorization"):
                headers.append(header)
        message.headers = headers
        self._sign(message, sent.destination, dialog.peer_tag, sent.tries)
        sent.key = self.stamp(message)
        sent.reliable = self.reliable
        sent.reset()
        self.put(message, sent.destination)

    def stamp(self, message):
        """Puts our Via before a request's headers; its branch."""
        key = "z9hG4bK" + self.hex(8)
        via = "SIP/2.0/%s %s:%d;rport;branch=%s" % (self.transport.upper(), self.local[0], self.local[1], key)
        message.headers.insert(0, ("via", via))
        return key

    def _sign(self, message, destination, within, tries):
        """Adds credentials: for the challenges in `tries` and, not `within` a dialog, for those that are sure to come.

        Proxies hand on what is not for them, so what could help to guess the password goes nowhere unasked. SipError.
        """
        account = self.account
        for status in self.challenges:
            due = status == (401 if message.method == "REGISTER" else 407) and not within
            if destination in self.registrars and (due or status in tries):
                known = self.challenges[status]
                known[1] += 1
                user, password = account["auth_user"], account["password"]
                value = answer(
                    known[0], message.method, message.uri, user, password, known[1], self.hex(8), message.body
                )
                message.headers.append(("authorization" if status == 401 else "proxy-authorization", value))

    def _challenged(self, sent, message):
        """True if a request that met 401 or 407 goes out again with credentials (22.2, 22.3).

        Those with a nonce just given and refused all the same are wrong, unless it is said to be stale. Whoever calls
        us could ask for them too, and get what a password can be guessed from: in its dialog none are given.
        """
        status, owner = message.status, sent.owner
        values = message.all("www-authenticate" if status == 401 else "proxy-authenticate")
        text = " ".join(values)
        stale = "stale=true" in text.lower().replace(" ", "").replace('"', "")
        if (
            not owner.trusts
            or sent.destination not in self.registrars
            or len(sent.tries) >= _MAX_TRIES
            or (status in sent.tries and not stale)
            or len(text) > _MAX_CHALLENGE_BYTES
        ):
            self.challenges.pop(status, None)
            return False
        sent.tries.append(status)
        self.challenges[status] = [values, 0]
        try:
            self.again(sent)
        except SipError:
            self.challenges.pop(status)
            return False
        return True

    def _answered(self, message):
        """A response: to one of our transactions, or it is dropped (17.1.3)."""
        vias = message.all("via")
        key = parameter(vias[0], "branch")
        for sent in self.transactions:
            if sent.key == key and sent.machine[1] == "c" and sent.method == message.cseq[1] and len(vias) == 1:
                self._do(sent, sent.handle("%dxx" % min(message.status // 100, 3)), message)
                return

    def _do(self, transaction, what, message):
        """What a transaction's table says is to be done."""
        if "ack" in what:
            ack = None
            if not transaction.data:
                ack = companion(transaction.message, "ACK", message.get("to"))
                transaction.data = self.pack(ack)
            self.put(transaction.data or ack, transaction.destination)
        if "send" in what:
            self.put(transaction.data or transaction.message, transaction.destination)
        if "tell" in what and transaction.owner:
            asked = message and message.status in (401, 407) and transaction.method != "OPTIONS"
            if not asked or not self._challenged(transaction, message):
                try:
                    transaction.owner.response(transaction, message)
                except SipError:  # what cannot be used is as nothing
                    transaction.owner.response(transaction, None)
        elif "tell" in what and transaction.machine == "ic" and transaction.data:  # the 2xx of a call that is over
            self.put(transaction.data, transaction.destination)
        machine = transaction.machine
        if transaction.state == "completed" and machine != "is" and (transaction.data or machine == "nc"):
            transaction.message = transaction.owner = None  # the heap is small, and its answer all that is left to say

    def forget(self, owner, ack):
        """`owner` has nothing to say any more but `ack`, (data, destination) or None, to a 2xx that comes again."""
        for each in list(self.transactions):
            if each.owner is owner and each.machine == "ic" and ack:
                each.data, each.destination = ack
                each.message = each.owner = None
            elif each.owner is owner and (each.machine == "ic" or each.state == "acked"):
                self.drop(each)
            elif each.owner is owner and each.state != "accepted":  # whose ACK may still come
                each.owner = None

    def shed(self):
        """The heap is at its end: lets go of all that has been said and only waits for being asked again."""
        for each in list(self.transactions):
            if self._is_over(each):
                self.drop(each)

    def _is_over(self, transaction):
        if transaction.data == b"":  # there was no room for what it has to say
            return False
        return transaction.state in ("completed", "confirmed", "acked") or not (
            transaction.message or transaction.owner
        )

    # Requests of the peer.

    def reply(self, received, status, headers=(), body=b""):
        """Answers a request; nothing happens if it has its final answer."""
        if received.state not in ("proceeding", "trying"):
            return
        request, dialog = received.message, received.owner and received.owner.dialog
        message = response(request, status)
        for at in range(len(message.headers)):
            name, value = message.headers[at]
            if name == "to" and status > 100 and parameter(value, "tag") is None:
                message.headers[at] = (name, value + ";tag=" + (dialog.tag if dialog else self._tag))
        if received.method == "INVITE" and dialog and 100 < status < 300:
            for route in request.all("record-route"):  # 12.1.1
                message.headers.append(("record-route", route))
            message.headers.append(("contact", self.contact()))
        if received.method in ("INVITE", "OPTIONS") and 200 <= status < 300:
            message.headers.extend(self.offers)
            message.headers.append(("accept", "application/sdp"))
        message.headers.extend(headers)
        if body:
            message.headers.append(("content-type", "application/sdp"))
            message.body = body
        data = self.pack(message)
        if status >= 200:  # one that the heap had no room for is packed when it is sent again
            request = None if data else message
        elif not data:
            self.put(message, received.destination)
            return
        received.data, received.message = data, request
        self._do(received, received.handle("%dxx" % min(status // 100, 3)), None)
        if len(data) > _MAX_KEPT_BYTES and received.state == "completed":
            self.drop(received)

    def _requested(self, message, source):
        """A request: of a transaction that we have, or for the owner (17.2.3)."""
        key, destination, reliable = way_back(message, source)
        method = message.method
        kept = "INVITE" if method in ("ACK", "CANCEL") else method
        known = None
        for each in self.transactions:
            if each.machine == "is" and method == "ACK" and each.state == "accepted":  # that of a 2xx stands alone
                if each.owner and each.cseq == message.cseq[0] and each.owner.dialog.matches(message):
                    each.handle("ack")
                    each.owner.acked(each, message)
            elif each.key == key and each.machine[1] == "s" and each.method == kept:
                known = each
        if method == "ACK":
            if known:
                known.handle("ack")
        elif known and method == kept:
            self._do(known, known.handle("request"), None)
        else:
            received = Transaction("is" if method == "INVITE" else "ns", message, destination, key, None, reliable, 0)
            if method == "CANCEL":  # 9.2
                received.owner = known and known.owner
                self.reply(received, 200 if known else 481)
                if known and known.owner and known.state == "proceeding":
                    known.owner.cancel(known)
                return
            try:
                self._owner.request(received, message)
            except SipError as error:
                self.reply(received, error.status or 400)
            message.headers = [header for header in message.headers if header[0] in _COPIED]
            message.body = b""  # the answer that is due does not need it
