"""How many different things all runs of a sweep have seen: their 64-bit digests, in a file beside the totals.

A run that is killed may leave half a digest at the end; it is cut off. Two of a million things share a digest once in
30 million times.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path

DIGEST_BYTES = 8


class Distinct:
    """The digests in `path`, read when first asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[int] | None = None

    def add(self, digests: Iterable[int]) -> int:
        """Keeps those that are new, on disk; how many there are now."""
        seen = self._load()
        new = array("Q", set(digests) - seen)
        seen.update(new)
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("ab") as file:
            new.tofile(file)
        return len(seen)

    def _load(self) -> set[int]:
        if self._seen is None:
            data = self._path.read_bytes() if self._path.exists() else b""
            whole = data[: len(data) // DIGEST_BYTES * DIGEST_BYTES]
            if len(whole) != len(data):
                self._path.write_bytes(whole)
            self._seen = set(array("Q", whole))
        return self._seen
