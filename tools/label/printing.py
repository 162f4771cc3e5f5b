"""A print job on its way to a label printer: raw TCP, as every Zebra takes it on port 9100."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

from tools.label.errors import LabelError

PORT: Final = 9100
LIMIT_S: Final = 10.0
QUIET_S: Final = 2.0  # a printer that has read all ends the connection; we wait for that so long


def send(printer: str, job: bytes) -> None:
    """Send `job` to `printer` ("host" or "host:port"); LabelError if it does not take the whole of it."""
    host, _, port = printer.rpartition(":") if ":" in printer else (printer, "", str(PORT))
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise LabelError(f"a printer is host or host:port, got {printer!r}")
    try:
        with socket.create_connection((host, int(port)), LIMIT_S) as line:
            line.sendall(job)
            line.shutdown(socket.SHUT_WR)
            line.settimeout(QUIET_S)
            with suppress(TimeoutError):  # some keep the connection open
                while line.recv(1024):
                    pass
    except OSError as error:
        raise LabelError(f"printer {printer} did not take the label: {error}; is it on, with paper?") from error
