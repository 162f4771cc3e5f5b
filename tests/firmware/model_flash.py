"""A board's flash in memory, with the power cut at the operation a test names."""

from pathlib import Path

from boards import catalogue
from ports.unix.flash import Flash

BOARD = catalogue.load("simulated")
PARTITIONS = {name: (part.offset, part.bytes) for name, part in BOARD.flash.partitions.items()}


class PowerCutError(Exception):
    """The power went, in the middle of a write."""


class CuttingFlash(Flash):
    """Counts writes in `operations`; the write of number `cut_at` is torn after `torn_bytes` (a share of it)."""

    def __init__(self, path: Path, cut_at: int | None = None, torn_share: float = 0.5) -> None:
        if not path.exists():
            path.write_bytes(b"\xff" * BOARD.flash.bytes)
        super().__init__(str(path), BOARD.flash.bytes, BOARD.flash.block_bytes, PARTITIONS)
        self.operations = 0
        self._cut_at = cut_at
        self._torn_share = torn_share

    def _write(self, offset: int, data: bytes) -> None:
        if self.operations == self._cut_at:
            super()._write(offset, bytes(data)[: int(len(data) * self._torn_share)])
            raise PowerCutError
        self.operations += 1
        super()._write(offset, bytes(data))
