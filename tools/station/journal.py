"""What the station knows of each board, on disk before the next step: a file a board, named by its chip's own id.

A record is replaced whole (new file, fsync, rename, fsync of the folder), so that a kill or a full disk leaves the
old one. It is for the station's eyes: until the fleet has the stock record it holds the unit's claim code.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tools.station.errors import StationError

FREE_BYTES: Final = 1024 * 1024  # what a few units need of records and labels
HELD_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """One board's way through the station; empty fields are steps still to come. Bytes are in base64."""

    board_uid: str
    serial: str = ""
    mac: str = ""
    epoch: int = 0
    image_sha256: str = ""  # written down before the flash is erased
    csr: str = ""
    blobs: dict[str, str] = field(default_factory=dict)
    self_test: list[dict[str, Any]] = field(default_factory=list)
    bench: dict[str, Any] = field(default_factory=dict)  # as the fleet's stock record wants it
    claim_code: str = ""  # dropped when the fleet has its hash
    label: str = ""
    stocked: bool = False


class Journal:
    """The records in `folder`, which only its owner may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def load(self, board_uid: str) -> Record:
        """The board's record, a new one if the station has not met it."""
        path = self._folder / f"{board_uid}.json"
        try:
            return Record(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Record(board_uid)
        except (ValueError, TypeError) as error:
            raise StationError(f"{path} is no record of this station ({error}); move it away") from error

    def records(self) -> Iterator[Record]:
        """Every board's record."""
        for path in sorted(self._folder.glob("*.json")):
            yield self.load(path.stem)

    def find(self, unit: str) -> Record | None:
        """The record of the unit with that serial number or MAC, in their usual forms."""
        return next((record for record in self.records() if unit in (record.serial, record.mac)), None)

    def store(self, record: Record, **changes: Any) -> Record:
        """`record` with `changes`, once it is safe on disk."""
        changed = replace(record, **changes)
        write_whole(self._folder / f"{record.board_uid}.json", json.dumps(asdict(changed), indent=1).encode())
        return changed

    @contextmanager
    def held(self, board_uid: str, limit_s: float = 0.0) -> Iterator[None]:
        """Nobody else works on that board meanwhile; StationError if somebody does, and goes on for `limit_s`."""
        until = time.monotonic() + limit_s
        with (self._folder / f"{board_uid}.lock").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise StationError(f"another station process works on board {board_uid}; wait for it") from None
                    time.sleep(HELD_LOOK_S)
            yield


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write `path` so that it is there whole or as it was; StationError when the disk is full."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StationError(
            f"cannot write {path}: {error.strerror}; nothing is lost, run it again after that"
        ) from error


def check_room(folder: Path) -> None:
    """StationError when the disk of `folder` is about to be full: found before a board is touched."""
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise StationError(f"{folder} has {free} bytes free, the station needs {FREE_BYTES}; make room and run again")
