"""A seeded sample of the fuzzing, and proof that it finds what it is for; a million by `make soak AREA=update`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from adapter.update import signed_file, strict_json
from adapter.update.delta import DeltaApplier
from adapter.update.metadata import TrustedSet
from tests.firmware.fuzzing.both_interpreters import fuzz_both
from tests.firmware.fuzzing.image_fuzz import fuzz_deltas, fuzz_images
from tests.firmware.fuzzing.metadata_fuzz import fuzz_metadata

SEED = 20261122


@pytest.mark.parametrize(
    ("fuzz", "count", "least"),
    [(fuzz_metadata, 2000, 100), (fuzz_images, 500, 5), (fuzz_deltas, 500, 1), (fuzz_both, 240, 10)],
)
def test_no_mutant_is_taken_for_what_was_signed_and_none_does_harm(
    fuzz: Callable[[int, int], tuple[int, list[str]]], count: int, least: int
) -> None:
    accepted, faults = fuzz(SEED, count)
    assert not faults
    assert least <= accepted < count / 2  # some mutants say the same in other bytes


def _year_alone(text: str) -> int:
    int(text[:4])
    return 1 << 32


def _stored_unverified(self: Any, data: bytes) -> bool:
    self._store.put("timestamp.json", data)
    self.timestamp = self._verified("timestamp", "timestamp", data, self._top_level("timestamp"))
    return True


def _yes(*_: object) -> bool:
    return True


def _unbounded(self: Any, count: int, changed: bool) -> None:
    while count > 0:
        part = self._room(count)
        self._read_base(self._source, part)
        self._source += len(part)
        count -= len(part)


def _lax_number(self: Any, at: int) -> int:
    while self._byte(at) not in b",}] \t\r\n":
        at += 1
    return at


WRONG: dict[str, tuple[Callable[[int, int], tuple[int, list[str]]], Any]] = {
    "signatures that nobody computes": (fuzz_metadata, lambda: patch.object(signed_file, "verify", _yes)),
    "stored before it is verified": (
        fuzz_metadata, lambda: patch.object(TrustedSet, "update_timestamp", _stored_unverified),
    ),
    "a number that is none": (fuzz_metadata, lambda: patch.object(strict_json._Scanner, "_number_stop", _lax_number)),
    "an instant that is none": (fuzz_metadata, lambda: patch.object(signed_file, "seconds_of", _year_alone)),
    "a signature that is no hexadecimal": (
        fuzz_metadata, lambda: patch.object(signed_file, "of_hex", bytes.fromhex),
    ),
    "an image by its header alone": (fuzz_images, lambda: patch("adapter.slot_check.sha256", _AnyHash)),
    "a delta that reads anywhere": (fuzz_deltas, lambda: patch.object(DeltaApplier, "_from_base", _unbounded)),
}  # fmt: skip


class _AnyHash:
    """Equal to any digest."""

    def __init__(self, data: bytes) -> None:
        pass

    def digest(self) -> Any:
        return self

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("what", WRONG)
def test_the_fuzzing_finds_checks_that_are_got_wrong(what: str) -> None:
    fuzz, wrong = WRONG[what]
    with wrong():
        assert fuzz(SEED, 2000)[1]
