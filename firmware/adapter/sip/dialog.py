"""What the requests of one Call-ID share: ends, sequence numbers, target and route (RFC 3261 12).

A registration, and an INVITE that is not answered yet, have one too: it only has no tag of the peer so far.
"""

from adapter.sip.errors import SipError
from adapter.sip.message import request
from adapter.sip.uri import is_address, name_addr, parameter, parse_uri

_MAX_ROUTES = 8
_MAX_KEPT = 1200  # letters of Call-ID, names and routes
_MAX_CSEQ = (1 << 31) - 1
_PORT = 5060


class Dialog:
    """`local` and `remote` are name-addr values; `destination` takes what no route by IPv4 address leads elsewhere.

    `tag` is ours, `peer_tag` the peer's ("" before it is known); `peer_cseq` the last number it used (-1: none).
    """

    def __init__(self, call_id, local, tag, remote, target, destination, routes):
        self.id = call_id
        self.tag = tag
        self.peer_tag = ""
        self.target = target
        self.destination = destination
        self.routes = routes
        self.cseq = 0
        self.peer_cseq = -1
        self.local = local + ";tag=" + tag
        self._remote = remote

    def request(self, method, cseq=0):
        """The next request but for its Via (12.2.1.1); an ACK names the `cseq` that it acknowledges."""
        if not cseq:
            self.cseq = self.cseq % _MAX_CSEQ + 1
            cseq = self.cseq
        uri, routes = self.target, self.routes
        if routes:
            first = name_addr(routes[0])[1]
            if "lr" not in parse_uri(first)[4]:  # a strict router
                uri, routes = first, routes[1:] + ["<%s>" % self.target]
        message = request(method, uri)
        message.cseq = (cseq, method)
        message.headers = [
            ("cseq", "%d %s" % (cseq, method)),
            ("max-forwards", "70"),
            ("from", self.local),
            ("to", self._remote),
            ("call-id", self.id),
        ]
        for route in routes:
            message.headers.append(("route", route))
        return message

    def establish(self, message, source):
        """Takes tag, target and route set from the peer's first request, or from its response (12.1); SipError."""
        routes = message.all("record-route")
        remote = message.get("from" if message.method else "to")
        kept = len(message.get("call-id") + remote + (message.get("contact") or "") + "".join(routes))
        if len(routes) > _MAX_ROUTES or kept > _MAX_KEPT:
            raise SipError("a dialog of %d routes and %d letters" % (len(routes), kept), 513)
        if message.method:
            self.peer_cseq = message.cseq[0]
        else:
            routes.reverse()
        self._remote = remote
        self.routes = routes
        self.peer_tag = parameter(self._remote, "tag") or ""
        self.destination = source
        self.refresh(message)

    def refresh(self, message):
        """The target is where the last INVITE, or its 2xx, said (12.2); what makes no sense changes nothing."""
        contact = message.get("contact")
        if contact:
            uri = name_addr(contact)[1]
            if parse_uri(uri)[0] in ("sip", "sips") and len(uri) <= _MAX_KEPT:
                self.target = uri

    def matches(self, message):
        """True for a request of the peer in this dialog; before its tag is known, for one with any (RFC 6665 4.4.1)."""
        return (
            message.get("call-id") == self.id
            and parameter(message.get("to"), "tag") == self.tag
            and (not self.peer_tag or (parameter(message.get("from"), "tag") or "") == self.peer_tag)
        )

    def next_hop(self, reliable):
        """Where the next request is to be sent: the first of route and target if it is an IPv4 address (8.1.2).

        A name is not looked up, and a stream has but one end: what reached us last takes those.
        """
        if not reliable and self.peer_tag:
            uri = name_addr(self.routes[0])[1] if self.routes else self.target
            _, _, host, port, _ = parse_uri(uri)
            if is_address(host):
                return host, port or _PORT
        return self.destination


def companion(invite, method, to):
    """The CANCEL of an INVITE, or the ACK of its failure: on the same way, in the same transaction (9.1, 17.1.1.3)."""
    message = request(method, invite.uri)
    message.cseq = (invite.cseq[0], method)
    for header in invite.headers:
        name = header[0]
        if name == "cseq":
            message.headers.append((name, "%d %s" % message.cseq))
        elif name == "to":
            message.headers.append((name, to))
        elif name in ("via", "max-forwards", "from", "call-id", "route"):
            message.headers.append(header)
    return message
