"""A repository with one assigned image, and a unit that knows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.firmware.adapter.update.repository import BendableRepository, DictStore, assigned_repository
from tests.firmware.adapter.update.unit import UpdatingUnit


@pytest.fixture
def repository() -> BendableRepository:
    """Of a small image; a module whose tests need a large one has a fixture of its own by this name."""
    return assigned_repository()


@pytest.fixture
def store() -> DictStore:
    """Of a unit that has fetched nothing yet."""
    return DictStore()


@pytest.fixture
def unit(tmp_path: Path, repository: BendableRepository) -> UpdatingUnit:
    return UpdatingUnit(tmp_path / "flash.bin", repository)
