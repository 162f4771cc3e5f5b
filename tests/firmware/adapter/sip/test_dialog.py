"""Where the requests of a call go: by loose and by strict routers (RFC 3261 12.2.1.1)."""

from __future__ import annotations

import pytest

from adapter.sip.dialog import Dialog
from adapter.sip.message import parse

ANSWER = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r\nFrom: <sip:a@example.net>;tag=a\r\n"
    "To: <sip:b@example.net>;tag=b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:b@192.0.2.20>\r\n"
    "Record-Route: {}\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("recorded", "uri", "routes"),
    [
        ("<sip:192.0.2.2;lr>,<sip:192.0.2.1;lr;x=1>", "sip:b@192.0.2.20",
         ["<sip:192.0.2.1;lr;x=1>", "<sip:192.0.2.2;lr>"]),
        ("<sip:192.0.2.2;lr>, <sip:192.0.2.1:5070;lr=on>", "sip:b@192.0.2.20",
         ["<sip:192.0.2.1:5070;lr=on>", "<sip:192.0.2.2;lr>"]),
        ("<sip:192.0.2.2;lr>, <sip:192.0.2.1>;lr", "sip:192.0.2.1", ["<sip:192.0.2.2;lr>", "<sip:b@192.0.2.20>"]),
    ],
)  # fmt: skip
def test_a_router_is_loose_if_its_uri_says_so(recorded: str, uri: str, routes: list[str]) -> None:
    dialog = Dialog("c", "<sip:a@example.net>", "a", "<sip:b@example.net>", "sip:b@example.net", None, [])
    dialog.establish(parse(ANSWER.format(recorded).encode()), ("192.0.2.1", 5060))
    sent = dialog.request("BYE")
    assert (sent.uri, sent.all("route")) == (uri, routes)
