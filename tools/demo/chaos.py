"""Kills parts of the story at random moments, seeded: the service, the broker, a unit, a cable."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable

from tools.sim.board import SimBoard, SimulationError
from tools.sim.service import Service, ServiceError

MIN_GAP_S = 1.0
MAX_GAP_S = 4.0
CABLE_OUT_S = 1.0


class Chaos:
    """A thread that kills with SIGKILL, one part at a time, and starts the service again as an init system would."""

    def __init__(
        self, seed: int, service: Service, boards: Callable[[], list[SimBoard]], say: Callable[[str], None]
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a seeded choice of moments, not a secret
        self._service = service
        self._boards = boards
        self._say = say
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)
        self.kills: list[str] = []
        self.error = ""

    def start(self) -> None:
        """Begin to kill."""
        self._thread.start()

    def stop(self) -> None:
        """No more kills; returns when the last victim is up again."""
        self._ended.set()
        self._thread.join(60.0)

    def _run(self) -> None:
        while not self._ended.wait(self._random.uniform(MIN_GAP_S, MAX_GAP_S)):
            victim = self._random.choice((self._kill_service, self._kill_broker, self._kill_unit, self._pull_cable))
            try:
                name = victim() or self._kill_service()
            except ServiceError as error:
                self.error = str(error)
                self._say(f"chaos: {error}")
                return
            self.kills.append(name)
            self._say(f"chaos: {name}")

    def _kill_service(self) -> str:
        self._service.kill()
        self._service.start()
        return "kill -9 of the service"

    def _kill_broker(self) -> str:
        pid = self._service.pid_of("broker")
        if pid is None:
            return ""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return "kill -9 of the broker"
        return ""

    def _kill_unit(self) -> str:
        board = self._any_board()
        if board is None:
            return ""
        try:
            board.kill_unit()
        except SimulationError:  # the story has just cut its power
            return ""
        return f"kill -9 of a unit ({board.folder.path.name})"

    def _pull_cable(self) -> str:
        board = self._any_board()
        if board is None:
            return ""
        board.set_ethernet(False)
        self._ended.wait(CABLE_OUT_S)
        board.set_ethernet(True)
        return f"cable out of {board.folder.path.name} for {CABLE_OUT_S:.0f} s"

    def _any_board(self) -> SimBoard | None:
        boards = [board for board in self._boards() if board.powered]
        return self._random.choice(boards) if boards else None
