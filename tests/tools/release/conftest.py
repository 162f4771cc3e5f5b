"""The release commands are tried against the real service, from a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import authorities, clock, passwords, services, settings, url
from tests.fleet.release_owners import PASSPHRASE

__all__ = ["authorities", "clock", "passwords", "services", "settings", "url"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, services: Services, url: str) -> Path:
    """A release manager's folder, with the fleet's address and a token in the environment."""
    monkeypatch.setenv("PLUGTONE_URL", url)
    monkeypatch.setenv("PLUGTONE_TOKEN", services.access.issue_host_token("manager", Role.RELEASE_MANAGER).secret)
    monkeypatch.setenv("PLUGTONE_KEY_PASSPHRASE", PASSPHRASE)
    desk = tmp_path / "desk"
    desk.mkdir()
    monkeypatch.chdir(desk)
    return desk
