"""A real broker with its callout, and clients with real certificates."""

from __future__ import annotations

import asyncio
import queue
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from paho.mqtt.enums import CallbackAPIVersion

from fleet.domain.identity import Identity, Standing
from fleet.mqtt.broker import Broker
from fleet.mqtt.callout import Callout
from fleet.mqtt.gateway import Endpoint
from fleet.pki.authority import DeviceAuthority, GatewayAuthority
from fleet.pki.certificates import common_name, key_pem, make_key
from fleet.pki.peer import PeerReader
from fleet.serve.state import State
from fleet.services.admission import Admission
from fleet.services.certificates import GATEWAYS
from fleet.settings import Settings
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial

WAIT_S = 5.0


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on just now."""
    with ExitStack() as stack:
        bound = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in bound:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in bound]


def until(condition: Callable[[], bool], what: str, timeout_s: float = WAIT_S) -> None:
    """Wait for `condition`; fail the test, naming `what`, if it does not come."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.005)


@dataclass
class Client:
    """A unit-like MQTT client; `events` tells what befell it."""

    client: mqtt.Client
    port: int
    events: queue.Queue[tuple[str, object]] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.events.put(("connect", str(reason)))
        self.client.on_disconnect = lambda _c, _u, _f, reason, _p: self.events.put(("disconnect", str(reason)))
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.events.put(("suback", reasons[0].value))
        self.client.on_publish = lambda _c, _u, mid, _r, _p: self.events.put(("puback", mid))
        self.client.on_message = lambda _c, _u, message: self.events.put(("message", message))

    def connect(self) -> str:
        """Connect; what the broker said: `Success`, `Not authorized`, or how the connection ended."""
        self.client.connect("127.0.0.1", self.port, 30)
        self.client.loop_start()
        return str(self.next("connect", "disconnect"))

    def subscribe(self, topic: str) -> int:
        """What the broker grants: the QoS, 128 for nothing."""
        self.client.subscribe(topic, 1)
        return int(str(self.next("suback")))

    def next(self, *kinds: str) -> object:
        """The next event of one of `kinds`."""
        while True:
            kind, value = self.events.get(timeout=WAIT_S)
            if kind in kinds:
                return value

    def close(self) -> None:
        with suppress(Exception):
            self.client.disconnect()
        self.client.loop_stop()


@dataclass
class Door:
    """The broker and what stands at its door."""

    state: State
    broker: Broker
    records: dict[str, Identity] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def find(self, fingerprint: str) -> Identity | None:
        return self.records.get(fingerprint)

    def saw(self, serial: str, address: str) -> None:
        self.seen.append((serial, address))

    def start_broker(self) -> None:
        self.process = subprocess.Popen(self.broker.command)
        until(self.broker.is_ready, "the broker is ready")

    def kill_broker(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def admission(self) -> Admission:
        directory = self.state.credentials.authorities
        devices, gateways = DeviceAuthority.load(directory), GatewayAuthority.load(directory)
        return Admission(PeerReader([devices.certificate], [gateways.certificate]), self, self.saw)

    def endpoint(self, name: str = GATEWAYS[0]) -> Endpoint:
        credentials = self.state.credentials
        port = self.state.settings.broker_port
        return Endpoint("127.0.0.1", port, name, credentials.server_anchor, credentials.gateway(GATEWAYS[0]))

    def unit(self, number: int, authority: DeviceAuthority | None = None) -> tuple[str, Path]:
        """A unit in good standing: its serial number, and its key and certificate in one file."""
        serial, key = make_serial(number), make_key()
        builder = x509.CertificateSigningRequestBuilder().subject_name(common_name(serial))
        csr = builder.sign(key, SHA256()).public_bytes(Encoding.DER)
        authority = authority or DeviceAuthority.load(self.state.credentials.authorities)
        issued = authority.issue(
            csr, serial, bytes(8), MacAddress.from_int(0x0200_0000_0000 + number), 1, datetime.now(UTC)
        )
        path = self.state.settings.data_dir / f"{serial}.pem"
        certificate = x509.load_der_x509_certificate(issued.der).public_bytes(Encoding.PEM)
        path.write_bytes(key_pem(key) + certificate)
        self.records[issued.fingerprint] = Identity(serial, issued.fingerprint, Standing.GOOD)
        return serial, path

    def stand(self, serial: str, standing: Standing) -> None:
        """Change a unit's standing in the records."""
        for fingerprint, record in self.records.items():
            if record.serial == serial:
                self.records[fingerprint] = Identity(serial, fingerprint, standing)

    def client(self, name: str, credentials: Path | None, clean: bool = True) -> Client:
        """A client that calls itself `name` and shows `credentials`."""
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean, reconnect_on_failure=False
        )
        context = ssl.create_default_context(cafile=str(self.state.credentials.server_anchor))
        if credentials:
            context.load_cert_chain(credentials)
        client.tls_set_context(context)
        made = Client(client, self.state.settings.broker_port)
        self.clients.append(made)
        return made


@contextmanager
def callout_running(door: Door, admission: Admission | None = None) -> Iterator[None]:
    """A callout in a thread of its own."""
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    callout = Callout(door.broker, admission or door.admission(), GATEWAYS)
    thread = threading.Thread(target=lambda: loop.run_until_complete(callout.run(stop, ready.set)))
    thread.start()
    assert ready.wait(WAIT_S)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(WAIT_S)
        loop.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A running broker; nobody answers for it yet."""
    http, https, mqtts, nats, monitor, ntp = free_ports(6)
    settings = Settings(
        data_dir=tmp_path,
        http_port=http,
        https_port=https,
        broker_port=mqtts,
        nats_port=nats,
        monitor_port=monitor,
        ntp_port=ntp,
    )
    state = State(settings)
    state.prepare_broker(datetime.now(UTC))
    door = Door(state, state.broker)
    door.start_broker()
    try:
        yield door
    finally:
        for client in door.clients:
            client.close()
        door.kill_broker()
