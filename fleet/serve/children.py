"""What each process of the service runs: the composition roots of broker, callouts, gateway, worker and API."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path

from fleet.api.app import create_app
from fleet.console.app import create_claim_door, create_console
from fleet.domain.access import system_actor
from fleet.mqtt.callout import Callout
from fleet.mqtt.commands import Commands
from fleet.mqtt.gateway import Endpoint, Gateway
from fleet.mqtt.revocations import Revocations
from fleet.mqtt.revoker import Revoker
from fleet.pki.authority import DeviceAuthority, GatewayAuthority
from fleet.pki.peer import PeerReader
from fleet.serve import api, sntp
from fleet.serve.listening import Sockets
from fleet.serve.state import State
from fleet.serve.supervisor import ChildSpec, Ready
from fleet.services.admission import Admission
from fleet.services.build import Services, build_services, utc_now
from fleet.services.certificates import GATEWAYS, reachable_host
from fleet.services.networks import Sightings
from fleet.services.voice_accounts import VoiceConfigurations
from fleet.services.worker import run_worker
from fleet.store.base import make_engine
from fleet.store.identities import IdentityLookup
from fleet.store.unit_of_work import Transactions

CALLOUTS = 2
MAX_LOG_BYTES = 1024 * 1024
LOG_FILES = 3
BROKER_STAGE, DOOR_STAGE, WORK_STAGE = 0, 1, 2  # the higher, the earlier it ends

log = logging.getLogger(__name__)


def broker_child(state: State) -> ChildSpec:
    """The broker, in our place in the process: its own program."""
    command = state.broker.command

    def run(_ready: Ready) -> None:
        os.execv(command[0], command)  # noqa: S606 - a list of ours, no shell

    return ChildSpec("broker", run, BROKER_STAGE, probe=state.broker.is_ready)


@dataclass(frozen=True, slots=True)
class Children:
    """The Python processes; each builds its own services after the fork."""

    state: State
    sockets: Sockets

    def callouts(self) -> list[ChildSpec]:
        """First, so that the broker has whom to ask; they need the database only once a unit knocks."""
        return [self._spec(f"callout-{number}", self._callout, DOOR_STAGE) for number in range(CALLOUTS)]

    def others(self) -> list[ChildSpec]:
        """Once the database is ready."""
        gateways = [self._spec(name, partial(self._gateway, name), WORK_STAGE) for name in GATEWAYS]
        return [*gateways, self._spec("worker", self._worker, WORK_STAGE), self._spec("api", self._api, WORK_STAGE)]

    def _spec(self, name: str, run: Callable[[Ready], None], stage: int) -> ChildSpec:
        def logged(ready: Ready) -> None:
            log_to(self.state.logs / f"{name}.log")
            run(ready)

        return ChildSpec(name, logged, stage)

    def _services(self) -> Services:
        return build_services(self.state.settings)

    def _callout(self, ready: Ready) -> None:
        authorities = self.state.credentials.authorities
        reader = PeerReader(
            [DeviceAuthority.load(authorities).certificate], [GatewayAuthority.load(authorities).certificate]
        )
        transactions = Transactions(make_engine(self.state.settings.database), utc_now)
        actor = system_actor("callout")
        saw = partial(Sightings(transactions).saw, actor)
        admission = Admission(reader, IdentityLookup(transactions, actor), saw)
        asyncio.run(_until_sigterm(Callout(self.state.broker, admission, GATEWAYS), ready))

    def _gateway(self, name: str, ready: Ready) -> None:
        settings, credentials, services = self.state.settings, self.state.credentials, self._services()
        endpoint = Endpoint(
            reachable_host(settings), settings.broker_port, name, credentials.server_anchor, credentials.gateway(name)
        )
        commands = Commands(services.outbox, VoiceConfigurations(services.transactions).complete)
        gateway = Gateway(endpoint, services.ingest, commands, utc_now)
        gateway.run(_stop_on_sigterm(), ready)

    def _worker(self, ready: Ready) -> None:
        services, stop = self._services(), _stop_on_sigterm()
        revocations = Revocations(services.outbox, Revoker(self.state.broker), utc_now)
        duties = (
            partial(sntp.serve, self.sockets.ntp, time.time, stop),
            partial(revocations.run, stop),
        )
        threads = [threading.Thread(target=_or_die(duty), daemon=True) for duty in duties]
        for thread in threads:
            thread.start()
        ready()
        run_worker(services, stop)

    def _api(self, ready: Ready) -> None:
        services = self._services()
        app = create_app(services, {"/console": create_console(services), "/claim": create_claim_door()})
        api.serve(app, self.sockets, self.state.credentials.server, ready)


def log_to(path: Path) -> None:
    """Send this process's log to its own file, bounded in size."""
    handler = RotatingFileHandler(path, maxBytes=MAX_LOG_BYTES, backupCount=LOG_FILES - 1)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[handler],
        force=True,
    )


async def _until_sigterm(callout: Callout, ready: Ready) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await callout.run(stop, ready)


def _stop_on_sigterm() -> threading.Event:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


def _or_die(duty: Callable[[], None]) -> Callable[[], None]:
    """A duty whose failure ends the process, so that the supervisor starts it again."""

    def run() -> None:
        try:
            duty()
        except Exception:
            log.exception("a duty of the worker failed")
            os._exit(1)

    return run
