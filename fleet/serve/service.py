"""The whole service on one data directory: prepared, started in order, watched, ended in order."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleet.pki.certificates import write_file
from fleet.serve.listening import bind
from fleet.serve.state import State
from fleet.serve.supervisor import Supervisor
from fleet.settings import Settings

BROKER_START_S = 10.0
START_S = 20.0


@dataclass(frozen=True, slots=True)
class Started:
    """What runs, and where it is reached. `setup_link` is None once there is an admin."""

    addresses: Mapping[str, str]
    pids: Mapping[str, int]
    setup_link: str | None
    seconds: float

    def public(self) -> dict[str, Any]:
        """All but the secret link."""
        return {"addresses": dict(self.addresses), "pids": dict(self.pids), "seconds": round(self.seconds, 2)}


def run(settings: Settings, announce: Callable[[Started], None]) -> None:
    """Start everything, `announce` it, and watch until SIGTERM or SIGINT; StartError if it cannot start."""
    began = time.monotonic()
    os.umask(0o077)
    state = State(settings)
    state.lock()  # held by this process and its children until the last of them ends
    sockets = bind(settings)
    state.prepare_broker(datetime.now(UTC))
    supervisor = Supervisor()
    try:
        # The broker comes up while we import and prepare the rest, in this one process: children are forks of it.
        from fleet.serve.children import Children, broker_child  # noqa: PLC0415
        from fleet.serve.first_start import prepare_fleet  # noqa: PLC0415

        supervisor.start([broker_child(state)], BROKER_START_S)
        children = Children(state, sockets)
        supervisor.start(children.callouts(), START_S)
        setup_link = prepare_fleet(settings)
        supervisor.start(children.others(), START_S)
        if not supervisor.is_stopping:
            started = Started(
                addresses(settings),
                {"supervisor": os.getpid(), **supervisor.pids},
                setup_link,
                time.monotonic() - began,
            )
            record = _Record(state, supervisor, started)
            record.write()
            announce(started)
            supervisor.every_tick = record.tick
            supervisor.watch()
    finally:
        supervisor.stop()
        state.status.unlink(missing_ok=True)


def addresses(settings: Settings) -> dict[str, str]:
    """Where people, units and stations reach the service."""
    return {
        "console": f"{settings.base_url}/console",
        "api": settings.base_url,
        "updates": f"https://{settings.public_host}:{settings.https_port}",
        "broker": f"mqtts://{settings.public_host}:{settings.broker_port}",
        "time": f"ntp://{settings.public_host}:{settings.ntp_port}",
    }


@dataclass(slots=True)
class _Record:
    """Keeps `service.json` true, and has renewed certificates read by those that show them."""

    state: State
    supervisor: Supervisor
    started: Started
    _pids: dict[str, int] = field(default_factory=dict)
    _seen_ns: dict[Path, int] = field(default_factory=dict)

    def write(self) -> None:
        self._pids = self.supervisor.pids
        self._seen_ns = self._modified_ns()
        public = self.started.public() | {"pids": {"supervisor": os.getpid(), **self._pids}}
        write_file(self.state.status, json.dumps(public, indent=2).encode())

    def tick(self) -> None:
        modified_ns = self._modified_ns()
        for path, at_ns in modified_ns.items():
            if self._seen_ns.get(path) == at_ns:
                continue
            if path == self.state.credentials.server:
                self.supervisor.signal_child("broker", signal.SIGHUP)
                self.supervisor.signal_child("api", signal.SIGHUP)
            else:
                self.supervisor.signal_child(path.stem, signal.SIGTERM)  # comes back with the new one
        self._seen_ns = modified_ns
        if self.supervisor.pids != self._pids:
            self.write()

    def _modified_ns(self) -> dict[Path, int]:
        directory = self.state.credentials.directory
        return {path: path.stat().st_mtime_ns for path in directory.glob("*.pem")}
