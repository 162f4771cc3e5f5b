"""Two jobs never share a board: each port of a bench is locked as long as a session lasts.

The kernel gives the lock back when the process ends, however it ends; the file says who has it.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from hil_tests.rig.errors import BenchHeldError


@contextmanager
def held(bench: str, ports: Iterable[str], folder: Path | None = None) -> Iterator[None]:
    """Holds every port, or none: BenchHeldError says who has one. `folder` is where all jobs of a machine look."""
    with ExitStack() as stack:
        for port in sorted({os.path.realpath(port) for port in ports}):
            stack.enter_context(_held(bench, port, folder or Path(tempfile.gettempdir())))
        yield


@contextmanager
def _held(bench: str, port: str, folder: Path) -> Iterator[None]:
    path = folder / f"plugtone-bench-{sha256(port.encode()).hexdigest()[:16]}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchHeldError(f"{port} of bench {bench!r} is taken: {_holder(descriptor)}; wait for it") from None
        mine = {
            "who": f"{getpass.getuser()}@{socket.gethostname()}",
            "pid": os.getpid(),
            "since": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(mine).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return f"{found['who']} has it in process {found['pid']} since {found['since']}"
    except (ValueError, KeyError):
        return "by a job that has just begun"
