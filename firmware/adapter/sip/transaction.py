"""One SIP transaction: which request or response is sent again, until when, and what its user is told.

RFC 3261 17 with RFC 6026 (a 2xx does not end an INVITE's transaction). The four machines are one table; an event that
it does not list for a state is ignored, for the network may bring anything at any time. Machines: `ic` and `nc` are
the client's of INVITE and of all else, `is` and `ns` the server's. Our own additions to the RFC: `lost` (the transport
failed), `is acked` (a 2xx is sent again by the transaction until its ACK came), and an end of every state.
"""

T1_MS = 500
T2_MS = 4000
T4_MS = 5000
LIFE_MS = 64 * T1_MS

# machine, state, event, next state, what the user of the transaction does:
# `send` it again, `ack` the failure, and `tell` whoever sent the request or answered it.
TRANSITIONS = """
ic calling 1xx proceeding tell
ic calling 2xx accepted tell
ic calling 3xx completed ack,tell
ic calling resend calling send
ic calling timeout terminated tell
ic calling lost terminated tell
ic proceeding 1xx proceeding tell
ic proceeding 2xx accepted tell
ic proceeding 3xx completed ack,tell
ic proceeding timeout terminated tell
ic proceeding lost terminated tell
ic completed 3xx completed ack
ic completed timeout terminated -
ic completed lost terminated -
ic accepted 2xx accepted tell
ic accepted timeout terminated -
nc trying 1xx proceeding tell
nc trying 2xx completed tell
nc trying 3xx completed tell
nc trying resend trying send
nc trying timeout terminated tell
nc trying lost terminated tell
nc proceeding 1xx proceeding tell
nc proceeding 2xx completed tell
nc proceeding 3xx completed tell
nc proceeding resend proceeding send
nc proceeding timeout terminated tell
nc proceeding lost terminated tell
nc completed timeout terminated -
is proceeding request proceeding send
is proceeding 1xx proceeding send
is proceeding 2xx accepted send
is proceeding 3xx completed send
is proceeding timeout terminated tell
is completed request completed send
is completed resend completed send
is completed ack confirmed -
is completed timeout terminated -
is completed lost terminated -
is confirmed timeout terminated -
is accepted resend accepted send
is accepted ack acked tell
is accepted timeout terminated tell
is acked timeout terminated -
ns trying 2xx completed send
ns trying 3xx completed send
ns trying timeout terminated -
ns completed request completed send
ns completed timeout terminated -
"""

# machine, state, then in ms: first wait before it is sent again, longest such wait, end of the state; and over a
# reliable transport: first wait, end. 0: never sent again, or ends at once; -1: the end of the state before stands.
TIMERS = """
ic calling 500 32000 32000 0 32000
ic proceeding 0 0 200000 0 200000
ic completed 0 0 32000 0 0
ic accepted 0 0 32000 0 32000
nc trying 500 4000 32000 0 32000
nc proceeding 4000 4000 -1 0 -1
nc completed 0 0 5000 0 0
is proceeding 0 0 200000 0 200000
is completed 500 4000 32000 0 32000
is confirmed 0 0 5000 0 0
is accepted 500 4000 32000 500 32000
is acked 0 0 -1 0 -1
ns trying 0 0 32000 0 32000
ns completed 0 0 32000 0 0
"""


def row(table, key):
    """The words of `table` after `key`, or none; a search, for a dict of pairs would cost the heap ten times that."""
    at = table.find("\n" + key + " ")
    if at < 0:
        return ()
    at += len(key) + 2
    return table[at : table.find("\n", at)].split(" ")


class Transaction:
    """`message` is the request; a client's is kept to be sent again and changed, a server's to be answered.

    `owner` is told (`owner.response` or `owner.request`, agent.py), `key` finds it again: the branch, for a server
    with the sender's name beside it. `limit_ms` ends a client's wait for the first response before the RFC's 32 s.
    """

    def __init__(self, machine, message, destination, key, owner, reliable, limit_ms):
        self.machine = machine
        self.method = message.method
        self.message = message
        self.destination = destination
        self.key = key
        self.owner = owner
        self.data = None  # what is sent again: a server's last response, the ACK of a client's failure
        self.cseq = message.cseq[0]
        self.tries = []  # which challenges a client's request has answered
        self.reliable = reliable
        self.due_ms = 0
        self._limit_ms = limit_ms
        self._gap_ms = 0
        self._longest_ms = 0
        self._resend_ms = 0
        self._end_ms = 0
        self.reset()

    def reset(self):
        """To the first state, for a request that goes out changed."""
        self.state = "calling" if self.machine == "ic" else "proceeding" if self.machine == "is" else "trying"
        self.due_ms = 0

    def handle(self, event):
        """Moves; what is to be done now, a word or two of TRANSITIONS, "" if the event means nothing here."""
        found = row(TRANSITIONS, self.machine + " " + self.state + " " + event)
        if not found:
            return ""
        if found[0] != self.state:
            self.state = found[0]
            self.due_ms = 0  # the next `poll` sets the timers
        return found[1]

    def poll(self, now_ms):
        """What is to be done now, as of `handle`; `due_ms` is when to ask again."""
        if self.state == "terminated":
            return ""
        if not self.due_ms:
            self._arm(now_ms)
        done = ""
        if now_ms >= self._end_ms:
            done = self.handle("timeout")
        elif self._gap_ms and now_ms >= self._resend_ms:
            self._gap_ms = min(2 * self._gap_ms, self._longest_ms)
            self._resend_ms = now_ms + self._gap_ms
            done = self.handle("resend")
        self.due_ms = min(self._end_ms, self._resend_ms) if self._gap_ms else self._end_ms
        return done

    def _arm(self, now_ms):
        first, longest, end, sure_first, sure_end = [int(word) for word in row(TIMERS, self.machine + " " + self.state)]
        if self.reliable:
            first, end = sure_first, sure_end
        self._gap_ms = first
        self._longest_ms = longest
        self._resend_ms = now_ms + first
        if end < 0 and not self._end_ms:
            end = LIFE_MS  # answered before it was ever polled
        if end >= 0:
            if self._limit_ms and self.state in ("calling", "trying"):
                end = self._limit_ms
            self._end_ms = now_ms + end
