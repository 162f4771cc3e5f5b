"""How fast an image streams from a server into the slot on MicroPython, against hash and flash write alone.

The subject is the driver's own way: socket, with and without TLS, HTTP body, slot writer, and then the whole slot
read back and hashed. The connection stands already, as it does after the metadata.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools.bench.on_micropython import readings
from tools.bench.ratio import Ratio, ratio_of

IMAGE_BYTES = 131_072
_HOST = "127.0.0.1"
_LIFE = timedelta(days=1)

_SCRIPT = """
import asyncio, gc, time
from hashlib import sha256
from asyncio.stream import Stream
from adapter.update.fetching import Get
from adapter.update.slot_writer import SlotWriter
from ports.unix.net import Net, tls_context
from ports.unix.slots import slot_digest
from ports.unix.updater import Server

slot = flash.partition("slot_b")
size = facts["image_bytes"]
with open(facts["anchors"], "rb") as file:
    anchors = file.read()
with open(facts["image"], "rb") as file:
    image = file.read()
uptime = time.ticks_ms

class PlainNet:
    async def open_tls(self, host, port, context):
        return PlainStream((await asyncio.open_connection(host, port))[0])

class PlainStream:
    def __init__(self, stream):
        self._stream = stream

    async def write(self, data):
        self._stream.write(data)
        await self._stream.drain()

    handshake = write

    async def read(self, most):
        return await self._stream.read(most)

    def close(self):
        self._stream.close()

def beat():
    pass

async def streamed(server):
    gc.collect()
    started = time.ticks_us()
    writer = SlotWriter(slot, size, 0)
    await server.fetch(Get("image", size, writer.write), beat)
    streamed_us = time.ticks_diff(time.ticks_us(), started)
    assert slot_digest(slot, size) == digest
    return streamed_us, time.ticks_diff(time.ticks_us(), started)

def alone():
    gc.collect()
    view = memoryview(image)
    started = time.ticks_us()
    writer, state = SlotWriter(slot, size, 0), sha256()
    for at in range(0, size, 4096):
        state.update(view[at : at + 4096])
        writer.write(view[at : at + 4096])
    assert state.digest() == digest
    return time.ticks_diff(time.ticks_us(), started)

digest = sha256(image).digest()

async def main():
    servers = [
        Server(PlainNet(), lambda: [("127.0.0.1", facts["plain"])], lambda: None, uptime),
        Server(Net(lambda: True), lambda: [("127.0.0.1", facts["tls"])], lambda: tls_context(anchors), uptime),
    ]
    for server in servers:
        await server.fetch(Get("nothing"), beat)
    for _ in range(facts["rounds"] + 1):  # the first one warms up
        print(*await streamed(servers[0]), *await streamed(servers[1]), alone())

asyncio.run(main())
"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    image = b""

    def do_GET(self) -> None:
        found = self.path.endswith("/image")
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(self.image) if found else 0))
        self.end_headers()
        if found:
            self.wfile.write(self.image)

    def log_message(self, *args: object) -> None:
        """Quiet."""


def run(rounds: int, image_bytes: int = IMAGE_BYTES) -> list[Ratio]:
    """Plain and TLS, each with and without the slot read back and hashed again."""
    found = _measured(rounds, image_bytes)
    names = ("plain, to slot", "plain, to slot and read back", "TLS, to slot", "TLS, to slot and read back")
    return [
        ratio_of(f"stream {name}", "hash + flash write alone", [(reading[at], reading[-1]) for reading in found])
        for at, name in enumerate(names)
    ]


def _measured(rounds: int, image_bytes: int) -> list[list[int]]:
    """Microseconds a round, the reference last."""
    image = os.urandom(image_bytes)
    context, anchors = _context()
    with _serving(image, None) as plain, _serving(image, context) as secure:
        facts = {"image_bytes": image_bytes, "plain": plain, "tls": secure}
        return readings(_SCRIPT, rounds, {"image": image, "anchors": anchors}, facts)


@contextmanager
def _serving(image: bytes, context: ssl.SSLContext | None) -> Iterator[int]:
    """The port on which `image` is served, over TLS if there is a context."""
    server = ThreadingHTTPServer((_HOST, 0), type("Handler", (_Handler,), {"image": image}))
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def _context() -> tuple[ssl.SSLContext, bytes]:
    """A server's context with a certificate that signs itself, and that certificate in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(_HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:  # it is read from a file only
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context, certificate.public_bytes(serialization.Encoding.DER)
