"""Keys change under clients that watch, sleep or attack: stock python-tuf against the live service.

Before and after each rotation and revocation, and for a client that slept through all of them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile

from fleet.services.build import Services
from fleet.updates.metadata import to_bytes
from tests.fleet.api.test_updates import client, fetched
from tests.fleet.release_owners import Owners, check_refused, make_image, versions
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys

SCHEMES = ("ecdsa-sha2-nistp256", "ed25519", "rsassa-pss-sha256")


@pytest.fixture
def owners(services: Services, tmp_path: Path, offline_keys: OfflineKeys) -> Owners:
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, datetime.now(UTC))
    owners.initialise()
    owners.sign("1.0.0", 1)
    owners.publish()
    return owners


def roots_of(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "metadata/root_history").glob("*.json"))


def test_clients_follow_a_root_rotation_and_a_targets_key_revocation(url: str, owners: Owners, tmp_path: Path) -> None:
    root = owners.repository.root_metadata()
    watcher, sleeper = tmp_path / "watcher", tmp_path / "sleeper"
    for unit in (watcher, sleeper):
        fetched(url, root, unit, "simulated_1.0.0.img")

    owners.replace(root_1="root-4")
    owners.publish()
    image = owners.sign("1.1.0", 2, payload=b"after the root")
    owners.publish()
    assert fetched(url, root, watcher, "simulated_1.1.0.img") == image

    owners.replace(targets="targets-2")
    owners.publish()
    image = owners.sign("1.2.0", 3, payload=b"after the revocation")
    owners.publish()
    assert fetched(url, root, watcher, "simulated_1.2.0.img") == image

    owners.replace(root_2="root-5")
    owners.rotate_online()
    owners.publish()
    image = owners.sign("1.3.0", 4, payload=b"after the fleet's own keys")
    owners.publish()
    for unit in (watcher, sleeper, tmp_path / "newcomer"):
        assert fetched(url, root, unit, "simulated_1.3.0.img") == image
        assert roots_of(unit) == [f"{version}.root.json" for version in range(1, 6)]
    assert fetched(url, root, watcher, "simulated_1.0.0.img")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_role_may_have_any_of_the_three_kinds_of_key(
    url: str, owners: Owners, tmp_path: Path, scheme: str
) -> None:
    root = owners.repository.root_metadata()
    for number, old in enumerate(("root-1", "root-2", "targets", "board-simulated")):
        new = f"new-{number}-{scheme[:3]}"
        owners.replace_keys({owners.key(old).keyid: owners.key(new, scheme)})
    owners.publish()
    image = owners.sign("2.0.0", 2, payload=scheme.encode())
    owners.publish()
    assert fetched(url, root, tmp_path / "unit", "simulated_2.0.0.img") == image
    sizes = [path.stat().st_size for path in (owners.repository.directory / "metadata").iterdir()]
    assert max(sizes) <= 8192


def forged_targets(owners: Owners, key: str) -> bytes:
    """The newest targets one version on, with the attacker's key for the board, signed by `key`."""
    attacker = owners.key("attacker")

    def change(targets: Any) -> None:
        targets.delegations.keys[attacker.keyid] = attacker
        targets.delegations.roles["board-simulated"].keyids = [attacker.keyid]

    (data,) = owners.edited("targets", change, key).values()
    return data


def forged_board(owners: Owners, version: int) -> tuple[bytes, bytes]:
    image = make_image("6.6.6", 666, payload=b"malware")
    role: Metadata[Any] = owners.bundle.require("board-simulated")
    role.signed.targets["simulated_6.6.6.img"] = TargetFile.from_data("simulated_6.6.6.img", image, ["sha256"])
    role.signed.version = version
    role.signatures.clear()
    role.sign(owners.keys.signer("attacker"))
    return to_bytes(role), image


def test_a_revoked_targets_key_gets_nothing_published(owners: Owners) -> None:
    owners.replace(targets="targets-3")
    owners.publish()
    targets = forged_targets(owners, "targets")
    role, image = forged_board(owners, 3)
    files = {"3.targets.json": targets, "3.board-simulated.json": role}
    check_refused(owners, files, {"simulated_6.6.6.img": image}, "not signed as root demands")


@pytest.mark.parametrize("key", ["targets", "targets-4"])
def test_a_thief_of_fleet_and_revoked_targets_key_is_refused_by_clients_while_the_valid_key_is_not(
    url: str, owners: Owners, tmp_path: Path, key: str
) -> None:
    """The attacker writes the served files and signs with the fleet's online keys; only the targets key differs."""
    root = owners.repository.root_metadata()
    owners.replace(targets="targets-4")
    owners.publish()
    fetched(url, root, tmp_path / "unit", "simulated_1.0.0.img")
    targets = forged_targets(owners, key)
    role, _ = forged_board(owners, 3)
    metadata = owners.repository.directory / "metadata"
    number = versions(owners.repository)["snapshot"]
    snapshot: Metadata[Snapshot] = Metadata.from_file(str(metadata / f"{number}.snapshot.json"))
    for name, number, data in (("targets", 3, targets), ("board-simulated", 3, role)):
        (metadata / f"{number}.{name}.json").write_bytes(data)
        snapshot.signed.meta[f"{name}.json"] = MetaFile.from_data(number, data, ["sha256"])
    snapshot.signed.version += 1
    snapshot.sign(owners.repository.keys.signer("snapshot"))
    (metadata / f"{snapshot.signed.version}.snapshot.json").write_bytes(to_bytes(snapshot))
    timestamp: Metadata[Any] = Metadata.from_file(str(metadata / "timestamp.json"))
    timestamp.signed.version += 1
    timestamp.signed.snapshot_meta = MetaFile.from_data(snapshot.signed.version, to_bytes(snapshot), ["sha256"])
    timestamp.sign(owners.repository.keys.signer("timestamp"))
    (metadata / "timestamp.json").write_bytes(to_bytes(timestamp))
    if key == "targets-4":  # proof that nothing else kept the attack from working
        assert client(url, root, tmp_path / "unit").get_targetinfo("simulated_6.6.6.img") is not None
        return
    with pytest.raises(RepositoryError, match="targets was signed by 0/1 keys"):
        client(url, root, tmp_path / "unit").get_targetinfo("simulated_6.6.6.img")
    assert not (tmp_path / "unit/metadata/board-simulated.json").read_bytes().count(b"6.6.6")
