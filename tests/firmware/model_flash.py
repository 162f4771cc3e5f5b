"""A board's flash in memory, with the power cut at the operation a test names."""

from collections.abc import Callable
from pathlib import Path

from boards import catalogue
from ports.unix.flash import Flash

BOARD = catalogue.load("simulated")
PARTITIONS = {name: (part.offset, part.bytes) for name, part in BOARD.flash.partitions.items()}


class PowerCutError(Exception):
    """The power went, in the middle of a write."""


class CuttingFlash(Flash):
    """Counts erases and programs in `operations`; number `cut_at` is torn after `torn_share` of its bytes."""

    def __init__(self, path: Path, cut_at: int | None = None, torn_share: float = 0.5) -> None:
        if not path.exists():
            path.write_bytes(b"\xff" * BOARD.flash.bytes)
        super().__init__(str(path), BOARD.flash.bytes, BOARD.flash.block_bytes, PARTITIONS)
        self.operations = 0
        self._cut_at = cut_at
        self._torn_share = torn_share

    def program(self, offset: int, data: bytes) -> None:
        self._operate(lambda count: super(CuttingFlash, self).program(offset, bytes(data)[:count]), len(data))

    def erase(self, offset: int, length: int) -> None:
        self._operate(lambda count: super(CuttingFlash, self).erase(offset, count), length)

    def _operate(self, operation: Callable[[int], None], length: int) -> None:
        if self.operations == self._cut_at:
            operation(int(length * self._torn_share))
            raise PowerCutError
        self.operations += 1
        operation(length)
