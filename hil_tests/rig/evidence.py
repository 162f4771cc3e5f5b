"""What a failed test leaves behind: logs, the flash image and the traffic, in a folder that the report names."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from hil_tests.rig.hand import Hand
from tools.sim.launcher import die_with_parent

LOG_BYTES: Final = 200_000  # the end of each log
STOP_LIMIT_S: Final = 5.0
# Two files in turn, so that the disk of a bench that runs for days does not fill.
_DUMPCAP: Final = ("dumpcap", "-q", "-i", "lo", "-b", "filesize:8192", "-b", "files:2", "-w", "{file}")


class Capture:
    """The traffic of the session, by the bench's command or dumpcap; `fault` says why there is none."""

    def __init__(self, folder: Path, command: Sequence[str] | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.fault = ""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        argv = [word.replace("{file}", str(folder / "traffic.pcapng")) for word in command or _DUMPCAP]
        try:
            with (folder / "capture.log").open("wb") as log:
                self._process = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - a system call and no lock
                )  # fmt: skip
        except OSError as error:
            self.fault = f"no traffic capture: {argv[0]}: {error.strerror}"

    def copy_to(self, folder: Path) -> None:
        """The capture so far."""
        if self._process is not None and self._process.poll() is not None:
            said = (self._folder / "capture.log").read_text(errors="replace").strip()
            self.fault = f"no traffic capture: it ended with status {self._process.returncode}: {said[-300:]}"
        for path in self._folder.glob("traffic*"):
            with suppress(FileNotFoundError):  # its turn was over meanwhile: dumpcap keeps two files
                shutil.copyfile(path, folder / path.name)
        if self.fault:
            (folder / "no-traffic.txt").write_text(self.fault + "\n")

    def stop(self) -> None:
        """Ends the program."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def folder_of(root: Path, test: str) -> Path:
    """A fresh folder for the evidence of that test."""
    path = root / re.sub(r"[^A-Za-z0-9_.-]+", "_", test.removeprefix("hil_tests/")).strip("_")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def collect(folder: Path, hands: Sequence[Hand], logs: Sequence[Path], capture: Capture | None) -> None:
    """Fills `folder`: each board's flash image and log, the service's and registrar's logs, the traffic."""
    for number, hand in enumerate(hands, 1):
        (folder / f"board-{number}.txt").write_text(hand.told() + "\n")
        if hand.sim is not None:
            shutil.copyfile(hand.sim.folder.flash, folder / f"board-{number}-flash.bin")
            _copy_end(hand.sim.folder.log, folder / f"board-{number}-unit.log")
    for path in logs:
        _copy_end(path, folder / path.name)
    if capture is not None:
        capture.copy_to(folder)


def _copy_end(path: Path, copy: Path) -> None:
    if path.exists():
        copy.write_bytes(path.read_bytes()[-LOG_BYTES:])
