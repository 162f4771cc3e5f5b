"""The sockets of the service, bound before anything starts: a used port is a clear error, a restart loses no caller."""

from __future__ import annotations

import errno
import socket
import time
from dataclasses import dataclass

from fleet.serve.supervisor import StartError
from fleet.settings import LOOPBACK, Settings

BIND_TIMEOUT_S = 1.0  # a service just killed may hold its ports for a moment
RETRY_S = 0.05
BACKLOG = 512


@dataclass(frozen=True, slots=True)
class Sockets:
    """What our own processes listen on."""

    http: socket.socket
    https: socket.socket
    ntp: socket.socket


def bind(settings: Settings) -> Sockets:
    """Bind our ports and make sure that the broker's are free; StartError names the port that is not."""
    for port, name in (
        (settings.broker_port, "broker_port"),
        (settings.nats_port, "nats_port"),
        (settings.monitor_port, "monitor_port"),
    ):
        _bind(settings.host if name == "broker_port" else LOOPBACK, port, name, socket.SOCK_STREAM).close()
    return Sockets(
        http=_bind(LOOPBACK, settings.http_port, "http_port", socket.SOCK_STREAM),
        https=_bind(settings.host, settings.https_port, "https_port", socket.SOCK_STREAM),
        ntp=_bind(settings.host, settings.ntp_port, "ntp_port", socket.SOCK_DGRAM),
    )


def _bind(host: str, port: int, setting: str, kind: socket.SocketKind) -> socket.socket:
    until = time.monotonic() + BIND_TIMEOUT_S
    while True:
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
        if kind is socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Connections inherit it. asyncio sets it only on sockets that name their protocol: without it, each answer
            # in two writes waits 40 ms for the client's delayed acknowledgement.
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            bound.bind((host, port))
            if kind is socket.SOCK_STREAM:
                bound.listen(BACKLOG)
        except OSError as error:
            bound.close()
            if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(RETRY_S)
                continue
            variable = f"PLUGTONE_{setting.upper()}"
            raise StartError(f"cannot listen on {host}:{port}: {error.strerror}; free it or set {variable}") from error
        else:
            return bound
