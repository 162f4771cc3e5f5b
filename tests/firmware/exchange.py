"""A registrar and proxy for two or more lines, as little of them as tests need: digest, bindings, and a pipe between.

`Exchange` is sans-I/O; `UdpExchange` and `StreamExchange` put it on a loopback port. What it forwards it leaves as it
is, but for the request URI: whoever answers sends to where the request came from, so the exchange knows both ends of
a Call-ID. It adds no Record-Route: within a dialog the lines talk to each other directly, but over streams.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from adapter.sip.digest import fields, proof
from adapter.sip.errors import SipError
from adapter.sip.message import Message, framed, parse, response
from adapter.sip.uri import name_addr, parameter, parse_uri
from tests.firmware.udp_server import UdpServer
from tests.firmware.voice_accounts import PASSWORD

Address = tuple[str, int]
REALM = "exchange"
_NONCE = "8f3a"


class Exchange:
    """`bindings`: user -> (contact URI, address). Each `refusing` status answers all requests but ACK."""

    def __init__(self) -> None:
        self.bindings: dict[str, tuple[str, Address]] = {}
        self.requests: list[str] = []
        self.audio_ports: list[int] = []  # of the descriptions that went by: offer, answer, offer, answer ...
        self.refusing = 0
        self.silent = False
        self._ends: dict[str, list[Address]] = {}

    def feed(self, data: bytes, source: Address) -> list[tuple[bytes, Address]]:
        """What is to be sent because of this datagram."""
        if self.silent or not data.strip():
            return []
        try:
            message = parse(data)
        except SipError:
            return []
        call = str(message.get("call-id"))
        self.audio_ports += map(int, re.findall(rb"m=audio (\d+)", message.body))
        if not message.method:
            return [(data, end) for end in self._ends.get(call, []) if end != source][:1]
        self.requests.append(message.method)
        if self.refusing and message.method != "ACK":
            return [(_answer(message, self.refusing, source), source)]
        if message.method == "REGISTER":
            return [(self._register(message, source), source)]
        if message.method == "INVITE" and call not in self._ends:
            found = self.bindings.get(parse_uri(message.uri)[1])
            if found is None:
                return [(_answer(message, 404, source), source)]
            self._ends[call] = [source, found[1]]
            return [(re.sub(rb"^INVITE \S+", b"INVITE " + found[0].encode(), data), found[1])]
        return [(data, end) for end in self._ends.get(call, []) if end != source][:1]

    def _register(self, message: Message, source: Address) -> bytes:
        given = message.get("authorization")
        if given is None or not _is_right(given, message):
            challenge = f'Digest realm="{REALM}", nonce="{_NONCE}", algorithm=MD5, qop="auth"'
            return _answer(message, 401, source, ("www-authenticate", challenge))
        user = parse_uri(name_addr(message.get("to"))[1])[1]
        contact = message.all("contact")[0]
        expires = parameter(contact, "expires") or message.get("expires") or "3600"
        if expires == "0":
            self.bindings.pop(user, None)
        else:
            self.bindings[user] = (name_addr(contact)[1], source)
        return _answer(message, 200, source, ("contact", contact))


def _is_right(given: str, message: Message) -> bool:
    known = fields(given)
    return bool(known.get("response") == proof(known, message.method, PASSWORD, message.body))


def _answer(message: Message, status: int, source: Address, *headers: tuple[str, str]) -> bytes:
    made = response(message, status)
    made.headers = [
        (name, value + ";tag=exchange" if name == "to" and parameter(value, "tag") is None else value)
        for name, value in made.headers
    ]
    made.headers += headers
    return bytes(made.pack())


class UdpExchange(UdpServer, Exchange):
    """On a free port of 127.0.0.1, in a thread of its own."""

    def __init__(self) -> None:
        Exchange.__init__(self)
        UdpServer.__init__(self)

    def answers(self, data: bytes, source: Any) -> Iterable[tuple[bytes, Any]]:
        """What the exchange says to `data`."""
        return self.feed(data, source)


class StreamExchange(Exchange):
    """Over TCP on a free port of 127.0.0.1 or, with `context`, over TLS; a thread for each connection."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.connections: dict[Address, socket.socket] = {}
        self.pings = 0
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def is_bound(self, before: dict[str, tuple[str, Address]]) -> bool:
        """Everybody has come back by another connection."""
        return all(self.bindings[user][1] != place for user, (_, place) in before.items())

    def drop(self) -> None:
        """Breaks every connection."""
        for connection in list(self.connections.values()):
            connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                plain, source = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain, source), daemon=True).start()

    def _serve(self, plain: socket.socket, source: Address) -> None:
        try:
            secure = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            self.connections[source] = secure
            waiting = b""
            while data := secure.recv(4096):
                waiting += data
                while length := framed(waiting):
                    with self._lock:
                        for out, destination in self.feed(waiting[:length], source):
                            if destination in self.connections:
                                self.connections[destination].sendall(out)
                    waiting = waiting[length:]
                if waiting == b"\r\n\r\n":
                    self.pings += 1
                    waiting = b""
                    secure.sendall(b"\r\n")
        except OSError:
            pass  # the line is gone, or shows no trust in our certificate
        finally:
            self.connections.pop(source, None)
            plain.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
