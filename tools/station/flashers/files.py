"""Files of a board that runs stock MicroPython: put there over its prompt, by mpremote's library.

For the bench, where a board is brought up (docs/hardware-bring-up.md): a unit of ours has no file system and no prompt.
Each file is written beside its place, its SHA-256 found by the board, and only then renamed; what is there already is
left. mpremote 1.29's SerialTransport is no stable interface: it is used in this module alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, Final

from mpremote.transport import TransportError, TransportExecError  # type: ignore[import-untyped]
from mpremote.transport_serial import SerialTransport  # type: ignore[import-untyped]
from serial import SerialException  # type: ignore[import-untyped]

from tools.station.errors import StationError

PROMPT_LIMIT_S: Final = 5
PART_BYTES: Final = 256  # what a board with a small heap takes at a time
_FRESH: Final = ".new"
_READ_LIMIT_S: Final = 0.5  # without one the library waits for ever on a pseudo-terminal
_WHO: Final = (
    "[(s.implementation.name, '.'.join(str(n) for n in s.implementation.version[:3]), s.platform) "
    "for s in (__import__('sys'),)][0]"
)


@dataclass(frozen=True, slots=True)
class StockBoard:
    """What the board's MicroPython says of itself."""

    name: str
    version: str
    platform: str


class BoardFiles:
    """Made by `at_prompt`; paths are absolute, with /."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def identify(self) -> StockBoard:
        """Which MicroPython is there."""
        return StockBoard(*self._transport.eval(_WHO))

    def put(self, files: Mapping[str, bytes]) -> list[str]:
        """Make them the board's; the paths of those that were not there already, or not the same."""
        return [path for path, data in sorted(files.items()) if self._put(path, data)]

    def _put(self, path: str, data: bytes) -> bool:
        transport, fresh = self._transport, path + _FRESH
        if transport.fs_exists(path) and self._sha256(path) == sha256(data).digest():
            return False
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            if not transport.fs_exists(str(folder)):
                transport.fs_mkdir(str(folder))
        transport.fs_writefile(fresh, data, PART_BYTES)
        if self._sha256(fresh) != sha256(data).digest():
            transport.fs_rmfile(fresh)
            raise StationError(f"{path} arrived as other bytes than the {len(data)} sent; see the cable and copy again")
        transport.exec(f"import os\nos.rename({fresh!r}, {path!r})")
        return True

    def _sha256(self, path: str) -> bytes:
        return bytes(self._transport.fs_hashfile(path, "sha256", PART_BYTES))


@contextmanager
def at_prompt(port: str) -> Iterator[BoardFiles]:
    """The files of the board at `port`; StationError if no prompt of MicroPython is there, or it stops answering."""
    try:
        transport = SerialTransport(port, timeout=_READ_LIMIT_S)
        try:
            with redirect_stdout(io.StringIO()):  # it prints what it did not understand
                transport.enter_raw_repl(soft_reset=False, timeout_overall=PROMPT_LIMIT_S)
            yield BoardFiles(transport)
            transport.exit_raw_repl()
        finally:
            transport.close()
    except TransportExecError as error:
        raise StationError(f"the board at {port} could not: {error.error_output.splitlines()[-1]}") from error
    except (TransportError, SerialException) as error:
        raise StationError(
            f"no prompt of MicroPython at {port}: {error}; a unit of ours has none, stock MicroPython has"
        ) from error
    except OSError as error:  # as the library tells those of the board's file system
        raise StationError(f"the board at {port} could not: {error}; see its room and the folder's name") from error
