"""The voice driver of the firmware in a MicroPython process of its own, with an account and a telephone.

Everything runs on 127.0.0.1. `VoiceBoard(folder, account)` is started as a context; `phone` is its
telephone, `wait_for` its events. By hand: `PYTHONPATH=.:firmware python -m tests.firmware.voice_board FOLDER ACCOUNT`
runs one until the end of standard input, with ACCOUNT a file that holds the configuration's row as JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from boards import catalogue
from protocol.wire.image import HEADER_BYTES
from tests.conftest import micropython_path
from tools.release.build import build_image
from tools.sim.phone import Phone

BOARD = "simulated"
WAIT_S = 20.0
_PROGRAM = Path(__file__).with_name("voice_on_device.py")

Account = dict[str, Any]
Event = dict[str, Any]


def undisturbed() -> tuple[str, ...]:
    """A command to run a board under: where it may, it gets the processor whenever it wants, as a real one has it."""
    prefix = ("chrt", "-f", "1")
    if shutil.which("chrt") and not subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        return prefix
    return ()


@cache
def _image() -> bytes:
    return build_image(BOARD, "1.0.0", 1, readable=True)


class VoiceBoard:
    """`row` is the account, `level` of LINE_LEVELS; the folder is laid out as tools/sim/board.py lays it out.

    With `anchors_der` the board may have a second TLS connection, to registrars that those anchors vouch for. `image`:
    what it runs, or the firmware as it is.
    """

    def __init__(
        self,
        folder: Path,
        row: Account | None,
        level: str = "full",
        heap_bytes: int = 0,
        prefix: Sequence[str] = (),
        anchors_der: bytes = b"",
        image: bytes = b"",
    ) -> None:
        self.folder = folder
        self.phone = Phone(folder)
        self.events: list[Event] = []  # each with "s", the monotonic time when it came
        self.started_s = 0.0
        self._row = row
        self._level = level
        self._heap_bytes = heap_bytes
        self._prefix = prefix
        self._anchors_der = anchors_der
        self._image = image
        self._changed = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process and gives it its account."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.set_ethernet(True)
        image = self._image or _image()
        payload = self.folder / "image"
        payload.write_bytes(image[HEADER_BYTES:])
        (self.folder / "anchors").write_bytes(self._anchors_der)
        (self.folder / "account").write_text(json.dumps({"account": self._row, "level": self._level}))
        heap = self._heap_bytes or catalogue.load(BOARD).simulated_heap_bytes(len(image))
        self.started_s = time.monotonic()
        with (self.folder / "unit.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, micropython_path(), "-X", f"heapsize={heap}", str(_PROGRAM), str(payload),
                 str(self.folder)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    @property
    def pid(self) -> int:
        """Of its process; 0 if there is none."""
        return self._process.pid if self._process else 0

    def configure(self, row: Account | None, level: str = "full") -> None:
        """Another account, or another level of the line."""
        self.order(account=row, level=level)

    def order(self, **order: Any) -> None:
        """One line to tests/firmware/voice_on_device.py."""
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def set_ethernet(self, up: bool) -> None:
        """Puts the cable in, or out."""
        fresh = self.folder / "ethernet.new"
        fresh.write_text("up" if up else "down")
        fresh.replace(self.folder / "ethernet")

    def wait_for(self, holds: Callable[[Event], bool] | str, timeout_s: float = WAIT_S, after: int = 0) -> Event:
        """The first event from number `after` on for which `holds` is true, or which has that name."""
        wanted = (lambda event: holds in event) if isinstance(holds, str) else holds
        found: list[Event] = []

        def look() -> bool:
            found[:] = [event for event in self.events[after:] if wanted(event)]
            return bool(found)

        with self._changed:
            met = self._changed.wait_for(look, timeout_s)
        assert met, f"not in {timeout_s} s: {self.events}\n{self.log()}"
        return found[0]

    def wait_media(self, on: bool = True, timeout_s: float = WAIT_S, after: int = 0) -> Event:
        """The call has sound, or none any more."""
        return self.wait_for(lambda event: event.get("media") is on, timeout_s, after)

    def wait_line(self, state: str, timeout_s: float = WAIT_S, after: int = 0) -> Event:
        """The line's state has become `state`."""
        return self.wait_for(lambda event: event.get("line", {}).get("state") == state, timeout_s, after)

    def stats(self) -> dict[str, Any]:
        """Figures since the start or the last `order(reset=1)`."""
        before = len(self.events)
        self.order(stats=1)
        return cast("dict[str, Any]", self.wait_for("stats", after=before)["stats"])

    def log(self) -> str:
        """What the process wrote to its standard error."""
        return (self.folder / "unit.log").read_text()

    def stop(self) -> None:
        """Ends the process, by its pid."""
        if self._process:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
            self._process = None

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        for line in process.stdout:
            text = line.decode(errors="replace").strip()
            event = json.loads(text) if text.startswith("{") else {"printed": text}  # a traceback
            event["s"] = time.monotonic()
            with self._changed:
                self.events.append(event)
                self._changed.notify_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self.phone.close()


def main() -> None:
    """Runs one board, and shows its events."""
    parser = argparse.ArgumentParser(prog="python -m tests.firmware.voice_board", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("account", type=Path)
    arguments = parser.parse_args()
    with VoiceBoard(arguments.folder, json.loads(arguments.account.read_text())) as board:
        sys.stdin.read()
        print("\n".join(map(json.dumps, board.events)))


if __name__ == "__main__":
    main()
