"""The HTTP service as others reach it: over a real socket, in a thread of the test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from fleet.api.app import create_app
from fleet.services.build import Services

STARTUP_S = 10.0


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """The service over real HTTP."""
    listening = socket.socket()
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as `plugtone serve` does
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(services), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until = time.monotonic() + STARTUP_S
    while not server.started and time.monotonic() < until:
        thread.join(0.01)
    assert server.started
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(STARTUP_S)
    listening.close()
