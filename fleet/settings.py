"""Where the fleet service keeps its things and where it listens: PLUGTONE_* variables over defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

LOOPBACK = "127.0.0.1"
MAX_MIRRORS = 3
MAX_HOST_CHARACTERS = 64


class SettingsError(ValueError):
    """A setting that cannot be read; names the variable and the value seen."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One attribute a setting; `PLUGTONE_HTTP_PORT` sets `http_port`, and so on."""

    data_dir: Path = Path("plugtone-data")
    host: str = "127.0.0.1"  # where units are served: HTTPS, broker, time
    public_host: str = "localhost"  # the name units reach us by, and the server certificate's
    public_url: str = ""  # where people reach the console through a proxy, for links in mails; empty: loopback
    http_port: int = 8080  # console and API, plain, on loopback alone: a proxy that speaks TLS stands before it
    https_port: int = 8443  # the same and the update files, for units
    broker_port: int = 8883  # MQTT over mutual TLS
    nats_port: int = 4222  # the broker's own protocol, loopback only
    monitor_port: int = 8222  # the broker's health, loopback only
    ntp_port: int = 1123
    database_url: str = field(default="", repr=False)  # may hold a password; empty: SQLite in data_dir
    time_zone: str = "America/New_York"
    heartbeat_s: int = 60
    maintenance_from: str = "02:00"  # local time at the site; both equal: any time
    maintenance_until: str = "05:00"
    update_mirrors: str = ""  # HOST:PORT,... of at most three further servers of the update files
    smtp_host: str = ""  # empty: mail waits in the outbox
    smtp_port: int = 25
    mail_from: str = "plugtone@localhost"
    webhook_url: str = ""  # empty: webhooks wait in the outbox
    webhook_secret: str = field(default="", repr=False)  # signs them; nothing is sent unsigned
    nats_server: str = ""  # empty: the packaged binary

    @property
    def database(self) -> str:
        """The SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'fleet.db'}"

    @property
    def mirrors(self) -> tuple[tuple[str, int], ...]:
        """(host, port) of each mirror of the update files."""
        found = []
        for text in filter(None, (each.strip() for each in self.update_mirrors.split(","))):
            host, _, port = text.rpartition(":")
            if not host or len(host) > MAX_HOST_CHARACTERS or not port.isdigit() or not 0 < int(port) < 1 << 16:
                raise SettingsError(f"PLUGTONE_UPDATE_MIRRORS is HOST:PORT,HOST:PORT, got {text!r}")
            found.append((host, int(port)))
        if len(found) > MAX_MIRRORS:
            raise SettingsError(f"PLUGTONE_UPDATE_MIRRORS names at most {MAX_MIRRORS} servers, got {len(found)}")
        return tuple(found)

    @property
    def base_url(self) -> str:
        """Where people and programs on this machine reach the service."""
        return f"http://{LOOPBACK}:{self.http_port}"

    @property
    def link_url(self) -> str:
        """Where the links we hand out lead."""
        return self.public_url.rstrip("/") or self.base_url


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of an environment; SettingsError for a value of the wrong kind."""
    values: dict[str, object] = {}
    for setting in fields(Settings):
        name = f"PLUGTONE_{setting.name.upper()}"
        text = environment.get(name)
        if text is None:
            continue
        if setting.type == "int":
            if not text.isdigit():
                raise SettingsError(f"{name} is a whole number, got {text!r}")
            values[setting.name] = int(text)
        else:
            values[setting.name] = Path(text) if setting.type == "Path" else text
    settings = Settings(**values)  # type: ignore[arg-type]
    settings.mirrors  # noqa: B018 - refused at the start, not at the first unit
    if settings.webhook_url and not settings.webhook_secret:
        raise SettingsError("PLUGTONE_WEBHOOK_URL needs PLUGTONE_WEBHOOK_SECRET: webhooks are never sent unsigned")
    return settings
