"""Requests and responses passed on without remembering them: a stateless, record-routing proxy (RFC 3261 16.11).

The ends send again what is lost. A branch is made of the branch a request came with, so that CANCEL and the ACK of a
failure follow their INVITE. Within a call a request is passed on only if it has the route that was given to the call.
"""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import AddressValueError, IPv4Address
from typing import Any, Final

from adapter.sip.errors import SipError
from adapter.sip.incoming import way_back
from adapter.sip.uri import name_addr, number, parameter, parse_uri, parse_via
from tools.sim.registrar.bindings import Address

MAX_FORWARDS: Final = 70
_COOKIE: Final = "z9hG4bK"
_CONSUMED: Final = frozenset({"via", "max-forwards", "proxy-authorization", "p-asserted-identity"})
_PORT: Final = 5060


class Proxy:
    """`address`: what we are reached at, in Via and Record-Route."""

    def __init__(self, address: Address, secret: bytes) -> None:
        self._address = address
        self._host = f"{address[0]}:{address[1]}"
        self._secret = secret

    def request(self, message: Any, source: Address, destination: Address) -> tuple[bytes, Address]:
        """The request as it goes on to `destination`; SipError if it may not."""
        if destination == self._address:
            raise SipError("its way leads back here", 482, message)
        left = number(message.get("max-forwards") or str(MAX_FORWARDS), 255)
        if left == 0:
            raise SipError("no hop is left", 483, message)
        if message.get("proxy-require"):
            raise SipError("an extension is required of us", 420, message)
        key, _, _ = way_back(message, source)
        head = [("via", f"SIP/2.0/UDP {self._host};branch={_COOKIE}{self._mac(key)}")]
        if message.method == "INVITE" and parameter(message.get("to"), "tag") is None:
            head.append(("record-route", f"<sip:{self._host};lr;t={self._mac(message.get('call-id'))}>"))
        vias = [("via", value) for value in message.all("via")]
        kept = [(name, value) for name, value in message.headers if name not in _CONSUMED]
        message.headers = [*head[:1], *vias, ("max-forwards", str(left - 1)), *head[1:], *kept]
        return message.pack(), destination

    def response(self, message: Any) -> tuple[bytes, Address] | None:
        """The response as it goes back; None if it did not come by us (16.7)."""
        vias = message.all("via")
        if len(vias) < 2 or parse_via(vias[0])[1:3] != self._address:
            return None
        _, host, port, found = parse_via(vias[1])
        port = number(found.get("rport") or "0", 65535) or port or _PORT
        message.headers = [("via", value) for value in vias[1:]] + [
            each for each in message.headers if each[0] != "via"
        ]
        return message.pack(), (found.get("received") or host, port)

    def next_hop(self, message: Any) -> Address:
        """Where a request within a call goes, our own route taken off it; SipError if it has none."""
        routes = message.all("route")
        if not routes:
            raise SipError("no call that we know", 481, message)
        _, uri, _ = name_addr(routes[0])
        _, _, host, port, found = parse_uri(uri)
        token = found.get("t", "").encode()
        if (host, port or _PORT) != self._address or not hmac.compare_digest(
            token, self._mac(message.get("call-id")).encode()
        ):
            raise SipError("a route that we did not give to this call", 403, message)
        message.headers = [("route", value) for value in routes[1:]] + [
            each for each in message.headers if each[0] != "route"
        ]
        target = name_addr(routes[1])[1] if routes[1:] else message.uri
        _, _, host, port, _ = parse_uri(target)
        try:
            return str(IPv4Address(host)), port or _PORT
        except AddressValueError as error:
            raise SipError(f"no address: {host}", 404, message) from error

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:16]
