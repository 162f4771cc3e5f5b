"""An HTTPS server for one update repository that can be told to misbehave, path by path."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.firmware.loopback_fleet import HOST, Authority

Misbehaviour = Callable[["Handler", bytes], None]


class Handler(BaseHTTPRequestHandler):
    """GET with ranges and kept connections, as the fleet serves them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: UpdateServer

    def do_GET(self) -> None:
        path = self.path.removeprefix("/updates/")
        self.server.asked.append((path, self.headers.get("Range")))
        data = self.server.files.get(path)
        misbehaviour = self.server.misbehaviours.get(path.partition("/")[0])
        if misbehaviour and data is not None and self.server.faults_left:
            self.server.faults_left -= 1
            misbehaviour(self, data)
        elif data is None:
            self.answer(404, b'{"detail":"no such file"}')
        elif "Range" in self.headers:
            first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            span = f"bytes {first}-{len(data) - 1}/{len(data)}"
            self.answer(206, data[first:], **{"Content-Range": span})
        else:
            self.answer(200, data)

    def answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


class UpdateServer(ThreadingHTTPServer):
    """`files` by path below /updates; `misbehaviours` by first folder, for the next `faults_left` requests."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes], directory: Path, authority: Authority | None = None) -> None:
        super().__init__((HOST, 0), Handler)
        self.files = files
        self.misbehaviours: dict[str, Misbehaviour] = {}
        self.faults_left = 1000
        self.asked: list[tuple[str, str | None]] = []
        self.stopping = threading.Event()
        authority = authority or Authority.create("Test anchors")
        authority.issue("updates", hosts=True).write(directory / "server")
        self.anchors_der = authority.der
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.pem", directory / "server.key")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def handle_error(self, *args: Any) -> None:
        """A unit that hangs up is no fault of the server."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
