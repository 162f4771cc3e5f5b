"""A release: a version, and for each board it runs on one signed image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fleet.domain.rollout import Fit


@dataclass(frozen=True, slots=True)
class ReleaseDelta:
    """A shorter way to an image for units that run `base_version`; length in bytes."""

    base_version: str
    name: str
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ReleaseImage:
    """An image as its board's signed role states it. `sha256` of the whole file, hexadecimal."""

    name: str
    length: int
    sha256: str
    fit: Fit
    release_counter: int
    security_counter: int
    data_schema: int
    minimum_heap_bytes: int
    security: bool = False
    record_sha256: str | None = None  # of its release record, if it has one
    deltas: tuple[ReleaseDelta, ...] = ()

    @property
    def beta(self) -> bool:
        """Whether it is for units on channel beta alone."""
        return self.fit.beta


@dataclass(frozen=True, slots=True)
class Release:
    """A published release; `images` by board."""

    id: int
    version: str
    notes: str
    published_by: str
    published_at: datetime
    images: Mapping[str, ReleaseImage]

    @property
    def beta(self) -> bool:
        """Whether an image of it is for units on channel beta alone: it is marked so wherever it is shown."""
        return any(image.beta for image in self.images.values())
