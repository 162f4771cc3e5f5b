"""The registrar of the story: `plugtone sim registrar` in a process of its own, with the fleet's list of accounts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tools.errors import ToolError

STOP_TIMEOUT_S = 5.0
_ANY_PORT = "127.0.0.1:0"


class Switchboard:
    """Started when made; it asks the fleet at `url` with `token` for its subscribers. `address`: HOST:PORT."""

    def __init__(self, folder: Path, url: str, token: str) -> None:
        self._log = folder / "registrar.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tools.cli", "sim", "registrar", "--listen", _ANY_PORT, "--json"],
                env=os.environ | {"PLUGTONE_URL": url, "PLUGTONE_TOKEN": token},
                stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        if self._process.stdout is None:
            raise AssertionError("its output is a pipe")
        ready = self._process.stdout.readline()
        if not ready:
            self.stop()
            raise ToolError(f"the registrar did not start: {self._log.read_text()[-600:]}")
        self.address: str = json.loads(ready)["address"]

    def stop(self) -> None:
        """Ends it in order; kills it if it will not."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
