"""The fleet as a station sees it: three routes, a real certificate authority, and a memory to ask afterwards."""

import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from fleet.pki.authority import DeviceAuthority
from fleet.pki.certificates import PkiError
from fleet.pki.tokens import TokenAuthority
from protocol.wire import messages
from protocol.wire.link_enumerations import BLOBS
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial
from tools.client import FleetClient

ADDRESSES = messages.pack(
    "addresses",
    {
        "broker_host": "localhost", "broker_port": 1, "updates_host": "localhost", "updates_port": 1,
        "ntp": [{"host": "127.0.0.1", "port": 1}],
    },
)  # fmt: skip
# The longest there may be: what a unit has room for at the bench must be tried with it.
ROOT_METADATA = b'{"signed": "' + b"x" * (8192 - 14) + b'"}'
STATION = "TO-1"
FIRST_MAC = 0x02_00_5E_00_00_00


class FleetDouble:
    """Answers like the real service: again the same when asked the same, conflict for a second key in one epoch."""

    def __init__(self, folder: Path) -> None:
        self.units: dict[str, dict[str, Any]] = {}  # by board uid
        self.certificates: dict[str, tuple[bytes, bytes]] = {}  # by serial: request, certificate
        self.stocked: dict[str, dict[str, Any]] = {}  # by serial
        self._authority = DeviceAuthority.create(folder, datetime.now(UTC))
        self.tokens = TokenAuthority.add_key(folder)
        self.tokens_given = 0
        self._lock = threading.Lock()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            if path == "/v1/units":
                return 200, self._allocate(body["board_uid"])
            _, _, _, serial, what = path.split("/")
            unit = next(unit for unit in self.units.values() if unit["serial"] == serial)
            if what == "certificate":
                return self._certify(unit, b64decode(body["csr"]))
            if what == "provisioning-tokens":
                return self._token(unit, body)
            if what == "epochs":
                unit.update(epoch=unit["epoch"] + 1, custody="made")
                self.certificates.pop(serial, None)
                self.stocked.pop(serial, None)
                return 200, unit
            self.stocked.setdefault(serial, body)
            unit["custody"] = "in_stock"
            return 200, unit

    def _allocate(self, uid: str) -> dict[str, Any]:
        number = len(self.units)
        mac = str(MacAddress.from_int(FIRST_MAC + number))
        made = {
            "serial": make_serial(number + 1),
            "mac": mac,
            "epoch": 1,
            "custody": "made",
            "board_uid": uid,
            "station": STATION,
        }
        return self.units.setdefault(uid, made)

    def _certify(self, unit: dict[str, Any], csr: bytes) -> tuple[int, dict[str, Any]]:
        serial = unit["serial"]
        if serial not in self.certificates:
            mac, uid = MacAddress.parse(unit["mac"]), bytes.fromhex(unit["board_uid"])
            try:
                issued = self._authority.issue(csr, serial, uid, mac, unit["epoch"], datetime.now(UTC))
            except PkiError as error:
                return 400, {"title": "Bad Request", "code": "pki", "detail": str(error)}
            self.certificates[serial] = (csr, issued.der)
            unit["custody"] = "certified"
        known, certificate = self.certificates[serial]
        if known != csr:
            return 409, {"title": "Conflict", "code": "conflict", "detail": f"{serial} has another key"}
        blobs = (certificate, self._authority.anchor_der, ROOT_METADATA, ADDRESSES, self.tokens.blob)
        return 200, {name: b64encode(blob).decode() for name, blob in zip(BLOBS, blobs, strict=True)}

    def _token(self, unit: dict[str, Any], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        serial, epoch = unit["serial"], unit["epoch"]
        if unit["custody"] not in ("made", "certified"):
            return 409, {"title": "Conflict", "code": "conflict", "detail": f"{serial} is {unit['custody']}"}
        self.tokens_given += 1
        key_ids = [bytes.fromhex(key_id) for key_id in body["key_ids"]]
        challenge = b64decode(body["challenge"])
        token = self.tokens.sign(key_ids, STATION, serial, epoch, challenge, datetime.now(UTC))
        return 201, {"token": b64encode(token.token).decode(), "signature": b64encode(token.signature).decode()}


def client_of(fleet: FleetDouble) -> FleetClient:
    """A client that reaches the double without a network."""

    def transport(request: httpx.Request) -> httpx.Response:
        status, answer = fleet.answer(request.url.path, json.loads(request.content))
        kind = "application/json" if status < 400 else "application/problem+json"
        return httpx.Response(status, json=answer, headers={"content-type": kind})

    return FleetClient("http://fleet.example", "plt_test", transport=httpx.MockTransport(transport))


@contextmanager
def served(fleet: FleetDouble) -> Iterator[str]:
    """The double on a port of this machine; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = fleet.answer(self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
