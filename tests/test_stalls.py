"""The measure of the machine's own punctuality sees a stop that nobody else on it could."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

LONG_MS = 150
SCRIPT = "from tests.stalls import Stalls; stalls = Stalls(); print(flush=True); input(); print(stalls.stop())"


def test_a_stop_of_the_machine_is_seen() -> None:
    """A process that is stopped sees of the world what one on a stopped machine does."""
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as watching:
        assert watching.stdin
        assert watching.stdout
        watching.stdout.readline()
        watching.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, watching.pid, os.WSTOPPED)
        select.select([], [], [], LONG_MS / 1000)
        watching.send_signal(signal.SIGCONT)
        watching.stdin.write(b"\n")
        watching.stdin.flush()
        assert float(watching.stdout.readline()) > LONG_MS / 2
