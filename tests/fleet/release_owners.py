"""The release owners as tests have them: offline keys, a bundle, and images whose payload nothing will run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.updates.repository import Repository
from protocol.wire.image import ImageHeader
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys, create_keys, standard_names
from tools.release.sign import initialise, sign_image

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PASSPHRASE = "correct horse"


def make_image(version: str, counter: int, board: str = "simulated", payload: bytes = b"modules") -> bytes:
    """A whole image with a valid header."""
    header = ImageHeader(board, 1, 9, 6, counter, 0, 1, 96 * 1024, version)
    return header.pack(payload) + payload


@dataclass
class Owners:
    """The release owners: offline keys and a bundle."""

    keys: OfflineKeys
    bundle: Bundle
    repository: Repository
    now: datetime = NOW

    def initialise(self) -> None:
        initialise(self.bundle, self.keys, ["simulated"], self.repository.keys.public(), self.now)

    def sign(self, version: str, counter: int, payload: bytes = b"modules") -> bytes:
        image = make_image(version, counter, payload=payload)
        sign_image(self.bundle, self.keys, image, self.now)
        return image

    def publish(self) -> None:
        published = {each.role: each.version for each in self.repository.status()}
        files = self.bundle.files_after(published)
        self.repository.publish(files, self.bundle.payloads_after(published), self.now)


def tree(directory: Path) -> dict[str, bytes]:
    """Every file below, by relative name."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def offline_keys(tmp_path_factory: pytest.TempPathFactory) -> OfflineKeys:
    directory = tmp_path_factory.mktemp("keys")
    create_keys(directory, standard_names(["simulated", "other"]), PASSPHRASE)
    return OfflineKeys(directory, lambda _secret: PASSPHRASE)
