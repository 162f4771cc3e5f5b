"""What the service keeps under its data directory, made at the first start, 0700 and 0600."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fleet.mqtt.broker import Broker, BrokerFiles
from fleet.pki.authority import DeviceAuthority, GatewayAuthority
from fleet.pki.certificates import write_file
from fleet.pki.renewal import Credentials
from fleet.serve.supervisor import StartError
from fleet.services.certificates import credentials_of
from fleet.settings import Settings

LOCK_TIMEOUT_S = 2.0  # a service just killed takes its children with it, which needs a moment
LOCK_RETRY_S = 0.02


@dataclass(frozen=True, slots=True)
class State:
    """Where things are."""

    settings: Settings

    @property
    def credentials(self) -> Credentials:
        """The authorities, and the certificates the service itself shows."""
        return credentials_of(self.settings)

    @property
    def broker(self) -> Broker:
        """The embedded broker."""
        return Broker(self.settings, BrokerFiles(self.settings.data_dir / "broker"), self.credentials.server)

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.settings.data_dir / "log"

    @property
    def status(self) -> Path:
        """What runs now: addresses and process ids, as JSON."""
        return self.settings.data_dir / "service.json"

    def lock(self) -> int:
        """Mark this data directory as in use, by us and our children; StartError if another service has it."""
        self.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings.data_dir.chmod(0o700)
        self.logs.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(self.settings.data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise StartError(
                        f"another service runs on {self.settings.data_dir}; stop it or choose another with --data"
                    ) from None
                time.sleep(LOCK_RETRY_S)
            else:
                return handle

    def prepare_broker(self, now: datetime) -> None:
        """Authorities, certificates, keys and the broker's configuration: whatever is not there yet."""
        credentials, broker = self.credentials, self.broker
        credentials.create_authorities(now)
        credentials.renew(now)
        broker.files.create_keys()
        anchors = (DeviceAuthority.load(credentials.authorities), GatewayAuthority.load(credentials.authorities))
        write_file(broker.files.clients_ca, b"".join(anchor.anchor_pem for anchor in anchors))
        broker.write_configuration()
