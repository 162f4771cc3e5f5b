"""The live update server: stock python-tuf verifies and downloads, units resume, nothing else is served."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Signature
from tuf.api.exceptions import DownloadHTTPError, RepositoryError
from tuf.ngclient import Updater

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import Clock, someone
from tests.fleet.release_owners import Owners
from tests.fleet.services.fleet_of_units import FakeUnit, put_in_service
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys
from tools.release.sign import renew

MANAGER = someone(Role.RELEASE_MANAGER)


@pytest.fixture
def owners(services: Services, tmp_path: Path, offline_keys: OfflineKeys) -> Owners:
    return Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, datetime.now(UTC))


def client(url: str, root: bytes, directory: Path) -> Updater:
    for folder in ("metadata", "targets"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    return Updater(
        metadata_dir=str(directory / "metadata"),
        metadata_base_url=f"{url}/updates/metadata/",
        target_base_url=f"{url}/updates/targets/",
        target_dir=str(directory / "targets"),
        bootstrap=root,
    )


def fetched(url: str, root: bytes, directory: Path, name: str) -> bytes:
    updater = client(url, root, directory)
    updater.refresh()
    info = updater.get_targetinfo(name)
    assert info is not None
    return Path(updater.download_target(info)).read_bytes()


def test_stock_tuf_verifies_and_downloads_across_publications_and_rotations(
    url: str, owners: Owners, tmp_path: Path
) -> None:
    owners.initialise()
    first = owners.sign("1.0.0", 1)
    owners.publish()
    root = owners.repository.root_metadata()
    assert fetched(url, root, tmp_path / "unit", "simulated_1.0.0.img") == first
    for role in ("root", "targets", "root"):
        renew(owners.bundle, owners.keys, role, owners.now)
    second = owners.sign("2.0.0", 2, payload=b"better")
    owners.publish()
    assert fetched(url, root, tmp_path / "unit", "simulated_2.0.0.img") == second
    assert (tmp_path / "unit/metadata/root_history/3.root.json").exists()
    assert client(url, root, tmp_path / "new").get_targetinfo("other_1.0.0.img") is None


def test_stock_tuf_refuses_a_repository_changed_behind_the_owners_back(
    url: str, owners: Owners, tmp_path: Path
) -> None:
    owners.initialise()
    owners.sign("1.0.0", 1)
    owners.publish()
    root = owners.repository.root_metadata()
    image = next((owners.repository.directory / "targets").glob("*.img"))
    image.write_bytes(image.read_bytes()[:-1] + b"x")
    with pytest.raises(RepositoryError):
        fetched(url, root, tmp_path / "unit", "simulated_1.0.0.img")
    role = owners.repository.directory / "metadata/2.board-simulated.json"
    role.write_bytes(role.read_bytes().replace(b'"release_counter":1', b'"release_counter":9'))
    with pytest.raises(RepositoryError):
        fetched(url, root, tmp_path / "other", "simulated_1.0.0.img")


def test_before_the_first_publication_there_is_no_metadata(url: str, tmp_path: Path) -> None:
    assert httpx.get(f"{url}/updates/metadata/timestamp.json").status_code == 404
    assert httpx.get(f"{url}/updates/director/PT000000018.json").status_code == 404


def test_a_download_resumes_at_any_byte(url: str, owners: Owners) -> None:
    owners.initialise()
    image = owners.sign("1.0.0", 1)
    owners.publish()
    sha256 = owners.repository.images()["simulated_1.0.0.img"].hashes["sha256"]
    address = f"{url}/updates/targets/{sha256}.simulated_1.0.0.img"
    for start in (0, 1, 255, len(image) - 1):
        answer = httpx.get(address, headers={"Range": f"bytes={start}-"})
        assert (answer.status_code, answer.content) == (206, image[start:])
        assert answer.headers["content-range"] == f"bytes {start}-{len(image) - 1}/{len(image)}"
    assert httpx.get(address, headers={"Range": f"bytes={len(image)}-"}).status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        "metadata/..%2fkeys%2fdirector.pem",
        "metadata/%2e%2e/keys/director.pem",
        "targets/..%2f..%2ffleet.db",
        "metadata/director.pem",
        "director/..%2fx.json",
        "director/PT000000018",
        "director/PT000000019.json",
    ],
)
def test_nothing_but_signed_files_is_served(url: str, owners: Owners, path: str) -> None:
    owners.initialise()
    owners.publish()
    answer = httpx.get(f"{url}/updates/{path}")
    assert answer.status_code == 404
    assert b"PRIVATE" not in answer.content


def test_an_assignment_is_signed_by_the_key_the_offline_targets_name(
    url: str, services: Services, owners: Owners, clock: Clock
) -> None:
    owners.initialise()
    owners.sign("1.0.0", 1)
    files = owners.bundle.files_after({})
    services.releases.publish(MANAGER, files, owners.bundle.payloads_after({}))
    (serial,) = put_in_service(services, 1, clock.now)
    unit = FakeUnit(services, serial)
    unit.register()
    clock.advance(seconds=1)
    rollout = services.rollouts.create(MANAGER, "1.0.0", None, 1)
    approver = someone(Role.APPROVER)
    services.rollouts.approve(type(approver)(approver.kind, "PE-901", approver.permissions), rollout.id)
    services.rollouts.start(MANAGER, rollout.id)
    unit.heartbeat()
    answer = httpx.get(f"{url}/updates/director/{serial}.json")
    document = answer.json()
    targets = owners.bundle.newest("targets")
    assert targets is not None
    signatures = {each["keyid"]: Signature.from_dict(each) for each in document["signatures"]}
    payload = encode_canonical(document["signed"])
    assert payload is not None
    targets.signed.verify_delegate("director", payload.encode(), signatures)
    image = owners.repository.images()["simulated_1.0.0.img"]
    assert document["signed"] == {
        "_type": "assignment",
        "expires": "2026-03-16T15:00:01Z",
        "issued": "2026-03-02T15:00:01Z",
        "serial": serial,
        "spec_version": "1.0.0",
        "target": {
            "board": "simulated",
            "length": image.length,
            "name": "simulated_1.0.0.img",
            "release_counter": 1,
            "sha256": image.hashes["sha256"],
        },
        "version": unit.sequence,
    }


def test_a_missing_root_ends_the_walk_with_404(url: str, owners: Owners, tmp_path: Path) -> None:
    owners.initialise()
    owners.publish()
    updater = client(url, owners.repository.root_metadata(), tmp_path / "unit")
    with pytest.raises(DownloadHTTPError, match="404"):
        updater._fetcher.download_bytes(f"{url}/updates/metadata/2.root.json", 8192)
