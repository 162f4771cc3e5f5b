"""A fleet's repository and its release owners, on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.updates.repository import ensure
from tests.fleet.release_owners import Owners
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys


@pytest.fixture
def owners(tmp_path: Path, offline_keys: OfflineKeys) -> Owners:
    return Owners(offline_keys, Bundle(tmp_path / "bundle"), ensure(tmp_path / "data"))
