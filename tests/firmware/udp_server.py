"""A UDP server on a free port of 127.0.0.1, in a thread of its own, while its context lasts."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

_END = b"end"


class UdpServer(ABC):
    """What answers is the subclass; `port` is where."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @abstractmethod
    def answers(self, data: bytes, source: Any) -> Iterable[tuple[bytes, Any]]:
        """What is to be sent, and where, now that `data` has come."""

    def _serve(self) -> None:
        while True:
            try:
                data, source = self._socket.recvfrom(65536)
                if data == _END:
                    return
                for out, destination in self.answers(data, source):
                    self._socket.sendto(out, destination)
            except ConnectionRefusedError:  # of an earlier answer: who asked is gone
                continue

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.sendto(_END, ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()
