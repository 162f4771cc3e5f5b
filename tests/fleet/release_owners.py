"""The release owners as tests have them: offline keys, a bundle, and images whose payload nothing will run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import Key
from tuf.api.metadata import Metadata

from fleet.domain.errors import InvalidError
from fleet.updates.errors import MetadataError
from fleet.updates.keys import ONLINE_ROLES
from fleet.updates.metadata import to_bytes
from fleet.updates.repository import Repository
from protocol.wire.image import ImageHeader
from tools.release.bundle import Bundle
from tools.release.draft import propose
from tools.release.encrypted_file import SCHEMES
from tools.release.keys import OfflineKeys, create_keys, key_of, standard_names
from tools.release.replacement import replace_keys
from tools.release.sign import initialise, sign_image

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PASSPHRASE = "correct horse"


def make_image(
    version: str, counter: int, board: str = "simulated", payload: bytes = b"modules", security: int = 0
) -> bytes:
    """A whole image with a valid header."""
    header = ImageHeader(board, 1, 9, 6, counter, security, 1, 96 * 1024, version)
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

    def key(self, name: str, scheme: str = SCHEMES[0]) -> Key:
        """The owners' key of that name; made if there is none."""
        create_keys(self.keys.directory, [name], PASSPHRASE, scheme)
        return self.keys.description(name).key

    def replace(self, **names: str) -> None:
        """Put another key in the place of each; a keyword is the old key's name with _ for -."""
        self.replace_keys({self.key(old.replace("_", "-")).keyid: self.key(new) for old, new in names.items()})

    def replace_keys(self, replacements: Mapping[str, Key]) -> None:
        """Put another key in the place of each, by the old one's id, signed by all who have to."""
        draft = propose(self.bundle, replace_keys(self.bundle, replacements, self.now).changes)
        draft.sign(self.keys)
        assert draft.settle().missing == ()

    def rotate_online(self) -> None:
        """Sign a root and targets that list the fleet's next keys."""
        self.repository.make_next_keys(ONLINE_ROLES)
        online = self.repository.keys.public()
        self.replace_keys({entry["keyid"]: key_of(entry["next"]) for entry in online.values()})

    def publication(self) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """What is signed and not served yet: metadata files and payloads, by name."""
        published = versions(self.repository)
        return self.bundle.files_after(published), self.bundle.payloads_after(published)

    def publish(self) -> None:
        self.repository.publish(*self.publication(), self.now)

    def edited(self, role: str, change: Callable[[Any], None], *signers: str, versions_on: int = 1) -> dict[str, bytes]:
        """The newest file of `role` with its signed part changed, signed by those keys, whatever it says now."""
        metadata: Metadata[Any] = self.bundle.require(role)
        metadata.signed.version += versions_on
        change(metadata.signed)
        metadata.signatures.clear()
        for name in signers:
            metadata.sign(self.keys.signer(name), append=True)
        return {f"{metadata.signed.version}.{role}.json": to_bytes(metadata)}


def versions(repository: Repository) -> dict[str, int]:
    """The version of each role that is served."""
    return {each.role: each.version for each in repository.status()}


def check_refused(
    owners: Owners,
    files: Mapping[str, bytes],
    payloads: Mapping[str, bytes],
    match: str,
    error: type[InvalidError] = MetadataError,
) -> None:
    """The publication is refused for that reason, and nothing of the repository moved."""
    before = tree(owners.repository.directory)
    with pytest.raises(error, match=match):
        owners.repository.publish(files, payloads, owners.now)
    assert tree(owners.repository.directory) == before


def tree(directory: Path) -> dict[str, bytes]:
    """Every file below, by relative name."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def offline_keys(tmp_path_factory: pytest.TempPathFactory) -> OfflineKeys:
    directory = tmp_path_factory.mktemp("keys")
    create_keys(directory, standard_names(["simulated", "other"]), PASSPHRASE)
    return OfflineKeys(directory, lambda _secret: PASSPHRASE)
