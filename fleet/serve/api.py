"""The API's process: one application on a plain port for this machine and a TLS port for units."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from fleet.serve.listening import Sockets
from fleet.serve.supervisor import Ready

SHUTDOWN_S = 1
POLL_S = 0.01

log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Leaves signals to the process, which has two servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(app: ASGIApp, sockets: Sockets, credentials: Path, ready: Ready) -> None:
    """Serve `app` until SIGTERM; SIGHUP reads `credentials` (key and certificate in one file) anew."""
    plain = _Server(_configuration(app))
    secure = _Server(_configuration(app, lifespan="off", ssl_certfile=str(credentials)))
    asyncio.run(_run(plain, secure, sockets, credentials, ready))


def _configuration(app: ASGIApp, lifespan: str = "on", ssl_certfile: str | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan=lifespan,  # type: ignore[arg-type]
        ssl_certfile=ssl_certfile,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


async def _run(plain: _Server, secure: _Server, sockets: Sockets, credentials: Path, ready: Ready) -> None:
    def stop() -> None:
        plain.should_exit = secure.should_exit = True

    def reload() -> None:
        try:
            if secure.config.ssl:
                secure.config.ssl.load_cert_chain(credentials)
        except (OSError, ssl.SSLError) as error:
            log.error("cannot read %s anew, the old certificate stays: %s", credentials, error)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    serving = asyncio.gather(plain.serve([sockets.http]), secure.serve([sockets.https]))
    while not (plain.started and secure.started) and not serving.done():
        await asyncio.sleep(POLL_S)
    if not serving.done():
        ready()
    await serving
