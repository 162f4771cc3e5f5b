"""How the unit is registered and stays so: refresh, back-off, hold-off, next registrar, NAT (RFC 3261 10, 5626, 3581).

- Of several registrars the next is tried at once; when all have failed, after a jittered wait that doubles up to
  LAST_WAIT_MS. From another than the first it goes back when the first answers again.
- A refusal (403, a password that is not taken) is final for a while: it waits HOLD_MS, twice as long each time.
- The registrar in use is asked every 20 to 28 s whether it is there (OPTIONS; any answer will do), which also keeps the
  NAT's mapping. One that says nothing is as one that fails to register us: the next one at once.
- The Contact is the address that the registrar's Via says our requests came from.
"""

from adapter.sip.dialog import Dialog
from adapter.sip.incoming import seconds
from adapter.sip.transaction import row
from adapter.sip.uri import is_address, parameter

PATIENCE_MS = 4_000  # for a registrar that says nothing while there is another
FIRST_WAIT_MS = 4_000
LAST_WAIT_MS = 300_000
HOLD_MS = 300_000
_LAST_HOLD_MS = 3_600_000
_RETURN_MS = 300_000  # how often the first registrar is tried while another serves
_ALIVE_MS = 20_000  # and up to 8 s more: a NAT forgets a UDP binding after 30 s
_MIN_EXPIRES_S = 10
_MAX_EXPIRES_S = 86_400
_MAX_RETRY_S = 3_600
_MAX_SHORTENED = 2  # times that a 423 is followed in a row
_MAX_MOVES = 2  # times that the Contact is adapted in a row
_ALIVE_SPREAD_MS = 8_000
_REFRESH_PERMILLE = 700  # of the time that was granted
_REFRESH_SPREAD_PERMILLE = 150
_MAX_ROUTES = 4
_MAX_PORT = 65_535

# state, event, next state
TRANSITIONS = """
unregistered start registering
waiting start registering
held start registering
registering start registering
registered start refreshing
refreshing start refreshing
leaving start registering
registering accepted registered
registering refused held
registering failed waiting
refreshing accepted registered
refreshing refused held
refreshing failed waiting
registering leave leaving
refreshing leave leaving
registered leave leaving
waiting leave unregistered
held leave unregistered
leaving accepted unregistered
leaving refused unregistered
leaving failed unregistered
"""


class Registration:
    """`registrars`: [(host, port, transport)], `index` the one in use; `state` as in TRANSITIONS.

    `saved`: what `save` of an earlier one gave, in the same boot.
    """

    def __init__(self, endpoint, saved):
        self.endpoint = endpoint
        self.trusts = True
        self.registrars = []
        self.index = 0
        self.state = "unregistered"
        self.due_ms = 0
        address = endpoint.address
        uri = "sip:" + endpoint.account["domain"]
        self.dialog = Dialog(endpoint.hex(12), address, endpoint.hex(4), address, uri, None, [])
        self._asked_s = endpoint.account["registration_s"]
        self._pending = None
        self._aim = 0  # the registrar that is asked
        self._left = 0  # registrars not tried yet in this round
        self._rounds = self._refusals = self._shortened = self._moves = 0  # in a row
        self._old = ""  # the Contact to be taken back
        self.start_ms = 0  # when the next REGISTER is due
        self._alive_ms = self._return_ms = 0
        if saved:
            self.state, self.index, self.dialog.id, self.dialog.cseq, self.start_ms = saved
            self._aim = self.index

    def save(self):
        """What `saved` takes; a REGISTER that is on its way is sent again then."""
        if self.state == "refreshing":
            self.handle("accepted")
        dialog = self.dialog
        return self.state, self.index, dialog.id, dialog.cseq, self.start_ms

    def handle(self, event):
        """Moves; False if the event means nothing now."""
        found = row(TRANSITIONS, self.state + " " + event)
        if found:
            self.state = found[0]
        self.due_ms = 0
        return bool(found)

    def register(self, old):
        """At once, whatever it waited for; `old`: the Contact of another address to be taken back, or ""."""
        self._old = old
        self._rounds = self._refusals = self._shortened = self._moves = 0
        self._start(self.index)

    def leave(self):
        """Takes the Contact back; ("unregistered", "") follows."""
        if self.handle("leave"):
            if self.state == "leaving":
                self._send(0)
            else:
                self.endpoint.events.append(("unregistered", ""))

    def fail_over(self, tried, destination):
        """True if a call whose INVITE `destination` leaves unanswered can go to the registrar that is in use now.

        That is the next one, unless the registration has missed the dead one first: the one after could be it again.
        """
        if tried >= len(self.registrars):
            return False
        if destination == self.endpoint.destination:
            self._start((self.index + 1) % len(self.registrars))
        return True

    def poll(self, now_ms, idle):
        """Sends what is due; `due_ms` is when to ask again. `idle`: no call would suffer from a try elsewhere."""
        endpoint = self.endpoint
        self.due_ms = now_ms + LAST_WAIT_MS
        if not self.registrars or self.state == "unregistered":
            return
        if self._pending is None:
            if now_ms >= self.start_ms:
                self._start((self.index + (self.state == "waiting")) % len(self.registrars))
            elif self.index and self.state == "registered" and now_ms >= self._return_ms and idle:
                self._start(0, 0)
            else:
                self.due_ms = min(self.due_ms, self.start_ms)
        if self.state in ("registered", "refreshing"):
            if now_ms >= self._alive_ms:
                self._alive_ms = now_ms + _ALIVE_MS + endpoint.chance(_ALIVE_SPREAD_MS)
                if self._pending is None:  # else that will tell
                    ask = self.dialog.request("OPTIONS", self.dialog.cseq)
                    endpoint.send(ask, self, endpoint.destination, endpoint.patience_ms)
            self.due_ms = min(self.due_ms, self._alive_ms)

    def response(self, sent, message):
        """To a REGISTER or OPTIONS; None for none in time."""
        status = message.status if message else 408
        if sent.method == "OPTIONS" and not message and self.state == "registered":
            if sent.destination == self.endpoint.destination:
                self._start((self.index + 1) % len(self.registrars))
            return
        if sent is not self._pending or status < 200:
            return
        contacts = message.all("contact") if message else ()  # SipError: as if none had come
        self._pending = None
        reason = message.reason[:40] if message else "no answer"
        if self.state == "leaving":
            self.handle("accepted")
            self.endpoint.events.append(("unregistered", ""))
        elif status < 300:
            self._accepted(message, contacts)
        elif self._aim != self.index:  # the first registrar is not back yet
            self.handle("accepted")
            self._aim = self.index
            self._return_ms = self.endpoint.now_ms + _RETURN_MS
        elif status == 423 and self._lengthened(message):
            self._start(self._aim, self._left)
        elif status in (401, 402, 403, 404, 407):
            self._give_up("refused", status, reason, self._wait_ms(HOLD_MS, _LAST_HOLD_MS, self._refusals))
            self._refusals += 1
        elif self._left:
            self._start((self._aim + 1) % len(self.registrars), self._left - 1)
        else:
            wait_ms = self._wait_ms(FIRST_WAIT_MS, LAST_WAIT_MS, self._rounds)
            wait_ms += 1000 * seconds(message and message.get("retry-after"), 0, _MAX_RETRY_S)
            self._give_up("failed", status, reason, wait_ms)
            self._rounds += 1

    def _start(self, index, left=-1):
        """Asks one registrar, and if need be `left` more (-1: all); it is the one in use then, if one is needed."""
        if not self.registrars:
            return
        self._left = left if left >= 0 else len(self.registrars) - 1
        if self.state != "registered" or left:
            self.use(index)
        self._aim = index
        self.handle("start")
        self._send(self._asked_s)

    def use(self, index):
        """Everything goes to that registrar from now on."""
        endpoint = self.endpoint
        if index != self.index:
            self.index = index
            self._return_ms = endpoint.now_ms + _RETURN_MS
            endpoint.events.append(("registrar", index))
        self._aim = index
        host, port, endpoint.transport = self.registrars[index]
        endpoint.destination = host, port
        endpoint.reliable = endpoint.transport != "udp"
        endpoint.patience_ms = PATIENCE_MS if len(self.registrars) > 1 else 0

    def _send(self, expires_s):
        endpoint = self.endpoint
        endpoint.drop(self._pending)
        host, port, _ = self.registrars[self._aim]
        message = self.dialog.request("REGISTER")
        message.headers.append(("contact", "%s;expires=%d" % (endpoint.contact(), expires_s)))
        if self._old:
            message.headers.append(("contact", self._old + ";expires=0"))
        message.headers.append(("expires", str(expires_s)))
        message.headers.append(("supported", "path"))
        patience_ms = endpoint.patience_ms if expires_s else PATIENCE_MS
        self._pending = endpoint.send(message, self, (host, port), patience_ms)

    def _accepted(self, message, contacts):
        endpoint = self.endpoint
        now_ms = endpoint.now_ms
        granted_s = seconds(message.get("expires"), self._asked_s, _MAX_EXPIRES_S)
        for contact in contacts:
            if endpoint.token in contact:
                granted_s = seconds(parameter(contact, "expires"), granted_s, _MAX_EXPIRES_S)
                if endpoint.contact() in contact:
                    break
        granted_s = max(granted_s, _MIN_EXPIRES_S)
        self.start_ms = now_ms + granted_s * (_REFRESH_PERMILLE + endpoint.chance(_REFRESH_SPREAD_PERMILLE))
        self._alive_ms = now_ms + endpoint.chance(_ALIVE_MS)  # all units of a street come back at once, with its power
        self._rounds = self._refusals = self._shortened = 0
        self._old = ""
        self.use(self._aim)
        if self.state == "registering":
            endpoint.events.append(("registered", granted_s))
        self.handle("accepted")
        endpoint.routes = message.all("service-route")[:_MAX_ROUTES]
        self._learn(message.get("via"))

    def _learn(self, via):
        """Where our request came from (RFC 3581 4): if that is not what the Contact says, it is said anew."""
        endpoint = self.endpoint
        host = parameter(via, "received") or endpoint.public[0]
        port = seconds(parameter(via, "rport"), 0, _MAX_PORT)
        if not port or (host, port) == endpoint.public or not is_address(host):
            self._moves = 0
        elif self._moves < _MAX_MOVES:
            self._moves += 1
            self._old = endpoint.contact()
            endpoint.public = host, port
            self._start(self.index)

    def _lengthened(self, message):
        """True if a 423 asks for a longer time that we can grant (10.2.8)."""
        least_s = seconds(message.get("min-expires"), 0, _MAX_EXPIRES_S)
        self._shortened += 1
        if least_s <= self._asked_s or self._shortened > _MAX_SHORTENED:
            return False
        self._asked_s = least_s
        return True

    def _give_up(self, event, status, reason, wait_ms):
        """For `wait_ms`; the line is not served meanwhile."""
        if self.state == "refreshing":
            self.endpoint.events.append(("unregistered", reason))
        self.handle(event)
        self.start_ms = self.endpoint.now_ms + wait_ms
        self.endpoint.events.append(("registration_failed", status, reason))

    def _wait_ms(self, first_ms, last_ms, before):
        """RFC 5626 4.5: from half to all of a ceiling that doubles with each failure before."""
        ceiling_ms = min(first_ms << min(before, 8), last_ms)
        return ceiling_ms // 2 + self.endpoint.chance(ceiling_ms // 2)
