"""The subscription to the state of the mailbox (RFC 6665, 3842); loaded only for an account that has one."""

from adapter.sip.dialog import Dialog
from adapter.sip.incoming import count_waiting, seconds

EXPIRES_S = 3_600
RETRY_MS = 60_000
_LAST_RETRY_MS = 3_600_000
_MIN_EXPIRES_S = 60
_SOON_MS = 2_000


class Subscription:
    """Asks the registrar in use for as long as `poll` is called; `trusts`: it may give credentials."""

    def __init__(self, endpoint):
        self.trusts = True
        self.dialog = None
        self.state = "unregistered"
        self.due_ms = 0
        self._endpoint = endpoint
        self._asked = None  # the registrar that was
        self._wait_ms = RETRY_MS

    def poll(self, now_ms):
        """While registered: subscribes, anew after a change of the registrar."""
        endpoint = self._endpoint
        if self._asked != endpoint.destination:
            self._asked = endpoint.destination
            self._forget(0)
        elif now_ms < self.due_ms:
            return
        if self.dialog is None:
            mailbox = endpoint.account["mailbox"]
            uri = "sip:" + mailbox if "@" in mailbox else "sip:%s@%s" % (mailbox, endpoint.account["domain"])
            self.trusts = True
            self.dialog = Dialog(
                endpoint.hex(12), endpoint.address, endpoint.hex(4), "<%s>" % uri, uri, endpoint.destination,
                list(endpoint.routes),
            )  # fmt: skip
        self.due_ms = now_ms + _LAST_RETRY_MS
        message = self.dialog.request("SUBSCRIBE")
        message.headers.append(("contact", endpoint.contact()))
        message.headers.append(("event", "message-summary"))
        message.headers.append(("accept", "application/simple-message-summary"))
        message.headers.append(("expires", str(EXPIRES_S)))
        endpoint.send(message, self, self.dialog.next_hop(endpoint.reliable), 0)

    def response(self, sent, message):
        """To a SUBSCRIBE; None for none in time."""
        status = message.status if message else 408
        endpoint = self._endpoint
        if status < 200 or not self.dialog or sent.message.get("call-id") != self.dialog.id:
            return
        if status < 300:
            if not self.dialog.peer_tag:
                self.dialog.establish(message, sent.destination)
            granted_s = max(seconds(message.get("expires"), EXPIRES_S, EXPIRES_S), _MIN_EXPIRES_S)
            self.due_ms = endpoint.now_ms + granted_s * (700 + endpoint.chance(150))
            self._wait_ms = RETRY_MS
        else:
            wait_ms = self._wait_ms + 1000 * seconds(message and message.get("retry-after"), 0, EXPIRES_S)
            self._forget(wait_ms // 2 + endpoint.chance(wait_ms // 2))
            self._wait_ms = min(2 * self._wait_ms, _LAST_RETRY_MS)

    def request(self, received, message):
        """A NOTIFY, maybe before the answer to our SUBSCRIBE (RFC 6665 4.4.1)."""
        endpoint = self._endpoint
        if not self.dialog.peer_tag:
            self.dialog.establish(message, received.destination)
        count = count_waiting(message.body) if message.body else -1
        endpoint.reply(received, 200)
        if count >= 0:
            endpoint.events.append(("message_waiting", count))
        if (message.get("subscription-state") or "").partition(";")[0].strip(" ").lower() == "terminated":
            self._forget(_SOON_MS + endpoint.chance(RETRY_MS))

    def _forget(self, wait_ms):
        """The subscription is over; the next one begins after a while."""
        self.dialog = None
        self.trusts = False
        self.due_ms = self._endpoint.now_ms + wait_ms
