"""The fleet's end of a unit's connections, for tests: a real NATS broker with mutual TLS, SNTP, and answers.

The broker and TLS are the real ones; what answers `register` here is as small as can be. The certificates
are P-256 and made anew for each run.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

from protocol.wire import messages, topics
from protocol.wire.enumerations import LINE_LEVELS, REGISTER_RESULTS
from protocol.wire.messages import Message

HOST = "127.0.0.1"
START_TIMEOUT_S = 10.0
WAIT_S = 20.0
SECONDS_1900_TO_1970 = 2_208_988_800


@dataclass(frozen=True)
class Authority:
    """A certificate authority of one test run."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, name: str) -> Self:
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key, _certificate(name, key.public_key(), key, name, is_authority=True))

    def issue(self, name: str, *, days: int = 365, hosts: bool = False) -> Authority:
        """A key and a leaf certificate for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.certificate.subject.rfc4514_string().removeprefix("CN=")
        return Authority(key, _certificate(name, key.public_key(), self.key, issuer, days=days, hosts=hosts))

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def write(self, stem: Path) -> None:
        stem.with_suffix(".pem").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        stem.with_suffix(".key").write_bytes(private)


def _certificate(
    name: str,
    public: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    issuer: str,
    *,
    is_authority: bool = False,
    days: int = 365,
    hosts: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=min(days, 0) - 1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if hosts:
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address(HOST))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class SntpResponder:
    """Answers SNTP on a UDP port with this machine's time, `offset_s` off."""

    def __init__(self) -> None:
        self.offset_s = 0.0
        self.change: Callable[[bytes], bytes] = lambda answer: answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        self.asked = 0
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, peer = self._socket.recvfrom(128)
                self.asked += 1
                stamp = time.time() + self.offset_s + SECONDS_1900_TO_1970
                now = struct.pack(">II", int(stamp), int(stamp % 1 * (1 << 32)))
                answer = bytes([0x24, 2, 0, 0xEC]) + bytes(8) + b"TEST" + now + data[40:48] + now + now
                self._socket.sendto(self.change(answer), peer)

    def close(self) -> None:
        self._socket.close()


@dataclass
class LoopbackFleet:
    """Broker, time server and answers; `behaviour` may be changed while it runs."""

    directory: Path
    devices: Authority = field(default_factory=lambda: Authority.create("test devices"))
    servers: Authority = field(default_factory=lambda: Authority.create("test servers"))
    register_result: str = "accepted"
    heartbeat_s: int = 60
    config_version: int = 1
    acknowledging: bool = True
    line_level: str = "none"
    voice: list[dict[str, Any]] = field(default_factory=list)  # the line's account, if it has one

    def __post_init__(self) -> None:
        self.port = free_port()
        self.received: queue.Queue[tuple[str, Message]] = queue.Queue()
        self.sntp = SntpResponder()
        self._sequence = 0
        self._broker: subprocess.Popen[bytes] | None = None
        self._client: paho.Client | None = None
        self._server = self.servers.issue("test broker", hosts=True)
        self._write_config()

    def _write_config(self) -> None:
        self._server.write(self.directory / "server")
        self.devices.issue("gateway").write(self.directory / "gateway")
        (self.directory / "devices.pem").write_bytes(self.devices.certificate.public_bytes(serialization.Encoding.PEM))
        (self.directory / "servers.pem").write_bytes(self.servers.certificate.public_bytes(serialization.Encoding.PEM))
        path = self.directory
        (path / "nats.conf").write_text(
            f'server_name: test\nlisten: "{HOST}:{free_port()}"\njetstream {{ store_dir: "{path / "js"}" }}\n'
            f'mqtt {{ listen: "{HOST}:{self.port}"\n ack_wait: "5s"\n tls {{ cert_file: "{path / "server.pem"}"\n'
            f' key_file: "{path / "server.key"}"\n ca_file: "{path / "devices.pem"}"\n verify: true }} }}\n'
        )

    def serve_with(self, leaf: Authority) -> None:
        """Restarts the broker with another server certificate; nothing answers behind it."""
        self.stop_broker()
        leaf.write(self.directory / "server")
        self._start_process()

    def __enter__(self) -> Self:
        self.start_broker()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_broker()
        self.sntp.close()

    def start_broker(self) -> None:
        """Starts the broker and the answers behind it; returns when both are ready."""
        self._start_process()
        self._start_answers()

    def _start_process(self) -> None:
        binary = Path(sys.executable).parent / "nats-server"
        log = (self.directory / "nats.log").open("ab")
        self._broker = subprocess.Popen([binary, "-c", self.directory / "nats.conf"], stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, (self.directory / "nats.log").read_text()
                threading.Event().wait(0.02)

    def _start_answers(self) -> None:
        subscribed = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, "gateway")
        client.tls_set(
            str(self.directory / "servers.pem"),
            str(self.directory / "gateway.pem"),
            str(self.directory / "gateway.key"),
        )
        client.on_message = self._on_message
        client.on_connect = lambda *_: client.subscribe(topics.up_filter(), 1)
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect(HOST, self.port)
        client.loop_start()
        assert subscribed.wait(START_TIMEOUT_S)
        self._client = client

    def stop_broker(self) -> None:
        """Kills the broker, as a power cut would."""
        if self._client:
            self._client.loop_stop()
        if self._broker:
            self._broker.kill()
            self._broker.wait()

    def _on_message(self, _client: paho.Client, _userdata: Any, incoming: paho.MQTTMessage) -> None:
        serial, _ = topics.parse_up_topic(incoming.topic)
        message = messages.unpack(incoming.payload)
        if message.name == "register":
            self._answer_register(serial)
        elif message.name in ("service_ready", "update_report", "command_result", "call_record") and self.acknowledging:
            self.send(serial, "acknowledge", boot_id=message.boot_id, sequence=message.sequence)
        self.received.put((serial, message))

    def _answer_register(self, serial: str) -> None:
        result = REGISTER_RESULTS.index(self.register_result)
        now = int(time.time())
        version = self.config_version if self.register_result == "accepted" else 0
        self.send(serial, "registered", result=result, config_version=version, retry_s=0, clock_s=now)
        if self.register_result == "accepted":
            self.configure(serial)

    def configure(self, serial: str) -> None:
        """Sends the configuration."""
        self.send(
            serial, "configuration", config_version=self.config_version, heartbeat_s=self.heartbeat_s, channel=0,
            maintenance_from_s=0, maintenance_until_s=0, line_allowed=0, update_mirrors=[],
            line_level=LINE_LEVELS.index(self.line_level), voice=self.voice,
        )  # fmt: skip

    def send(self, serial: str, name: str, **values: object) -> None:
        """Sends one message down to a unit."""
        self._sequence += 1
        self.send_raw(serial, messages.pack(name, values, 1, self._sequence))

    def send_raw(self, serial: str, payload: bytes) -> None:
        assert self._client
        self._client.publish(topics.down_topic(serial), payload, 1)

    def wait_for(self, name: str, timeout_s: float = WAIT_S) -> Message:
        """The next message called `name`; others before it are thrown away."""
        deadline = time.monotonic() + timeout_s
        seen = []
        while True:
            try:
                _, message = self.received.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                raise AssertionError(f"no {name} in {timeout_s} s, only {seen}") from None
            if message.name == name:
                return message
            seen.append(message)


@contextlib.contextmanager
def loopback_fleet(directory: Path) -> Iterator[LoopbackFleet]:
    """A running LoopbackFleet."""
    fleet = LoopbackFleet(directory)
    try:
        with fleet:
            yield fleet
    finally:
        fleet.stop_broker()
