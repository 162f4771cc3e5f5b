"""Publishing over HTTP: large images pass, wrong ones are refused as problems, and each route keeps its permission."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from fleet.domain.access import Role
from fleet.services.build import Services
from protocol.wire.image import MAX_IMAGE_BYTES
from tests.fleet.conftest import START
from tests.fleet.release_owners import Owners, make_image, tree
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys
from tools.release.sign import sign_image


@pytest.fixture
def owners(services: Services, tmp_path: Path, offline_keys: OfflineKeys) -> Owners:
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    return owners


def client(services: Services, url: str, role: Role) -> httpx.Client:
    token = services.access.issue_host_token(role.value, role).secret
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def send(http: httpx.Client, owners: Owners, **changed: bytes) -> httpx.Response:
    parts = [("metadata", (name, data)) for name, data in owners.bundle.files_after({}).items()]
    images = owners.bundle.payloads_after({}) | changed
    parts += [("images", (name, data)) for name, data in images.items()]
    return http.post("/v1/releases", files=parts, data={"notes": "what is new"})


def test_an_image_of_many_megabytes_is_published(services: Services, url: str, owners: Owners) -> None:
    image = make_image("1.0.0", 1, payload=bytes(MAX_IMAGE_BYTES - 256))
    sign_image(owners.bundle, owners.keys, image, START)
    answer = send(client(services, url, Role.RELEASE_MANAGER), owners)
    assert answer.status_code == 201, answer.text
    (release,) = answer.json()["releases"]
    assert release["images"][0]["length"] == MAX_IMAGE_BYTES
    assert release["notes"] == "what is new"


def test_what_is_not_as_signed_is_a_problem_and_nothing_moves(services: Services, url: str, owners: Owners) -> None:
    owners.sign("1.0.0", 1)
    before = tree(services.repository.directory)
    http = client(services, url, Role.RELEASE_MANAGER)
    answer = send(http, owners, **{"simulated_1.0.0.img": make_image("1.0.0", 1, payload=b"other!!")})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_image")
    answer = send(http, owners, **{"simulated_1.0.0.img": bytes(MAX_IMAGE_BYTES + 1)})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert tree(services.repository.directory) == before
    assert http.get("/v1/releases").json() == {"items": [], "next": None}


def test_before_the_first_publication_provisioning_is_told_what_to_do(services: Services, url: str) -> None:
    http = client(services, url, Role.RELEASE_MANAGER)
    assert http.get("/v1/update-metadata").json() == []
    assert set(http.get("/v1/update-keys").json()) == {"snapshot", "timestamp", "director"}
    assert "PRIVATE" not in http.get("/v1/update-keys").text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER, Role.WAREHOUSE, Role.SUPPORT])
def test_others_read_but_do_not_publish_nor_roll_out(services: Services, url: str, owners: Owners, role: Role) -> None:
    owners.sign("1.0.0", 1)
    http = client(services, url, role)
    assert send(http, owners).status_code == 403
    assert http.post("/v1/rollouts", json={"release": "1.0.0", "targets": "all"}).status_code == 403
    assert http.get("/v1/releases").status_code == http.get("/v1/rollouts").status_code == 200
    assert services.repository.status() == []


@pytest.mark.parametrize(
    "body",
    [
        {"release": "1.0.0", "targets": "some"},
        {"release": "1.0.0", "targets": "all", "pause_after_failures": 0},
        {"release": "1.0.0", "targets": ["x"] * 10_001},
        {"targets": "all"},
        {"release": "1.0.0", "targets": "all", "mode": "hard"},
    ],
)
def test_a_malformed_rollout_is_refused(services: Services, url: str, body: dict[str, object]) -> None:
    answer = client(services, url, Role.RELEASE_MANAGER).post("/v1/rollouts", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["RO-0", "RO-1", "1", "RO-x", "RMA-1"])
def test_an_unknown_rollout_is_not_found(services: Services, url: str, name: str) -> None:
    assert client(services, url, Role.VIEWER).get(f"/v1/rollouts/{name}").status_code == 404


def test_a_step_needs_no_reason(services: Services, url: str, owners: Owners) -> None:
    owners.sign("1.0.0", 1)
    http = client(services, url, Role.RELEASE_MANAGER)
    send(http, owners)
    rollout = http.post("/v1/rollouts", json={"release": "1.0.0", "targets": "all"})
    assert rollout.headers["etag"] == f'"{rollout.json()["version"]}"'
    stale = http.post("/v1/rollouts/RO-1/stop", headers={"If-Match": '"77"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    stopped = http.post("/v1/rollouts/RO-1/stop")
    assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")
