"""A returned unit goes through the bench over HTTP and is stock again, with each step written down."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import FLASH_BYTES, Warehouse, proof_of, snapshot


@pytest.fixture
def warehouse(services: Services) -> Warehouse:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    return warehouse


def test_a_returned_unit_is_wiped_renewed_tested_and_graded(
    client: TestClient, bearer: Bearer, warehouse: Warehouse, services: Services
) -> None:
    unit = warehouse.place(warehouse.open_account())
    warehouse.take_back(unit)
    base, headers = f"/v1/units/{unit.serial}/refurbishing", bearer(Role.WAREHOUSE)

    def send(verb: str, body: dict[str, Any], status: int = 200) -> Any:
        answer = client.post(f"{base}/{verb}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    listed = client.get("/v1/refurbishings?state=waiting", headers=headers).json()["items"]
    assert [(r["unit"], r["round"], r["code"], r["rma"]) for r in listed] == [
        (unit.serial, 1, "no_fault_found", "RMA-1")
    ]
    shown = client.get(base, headers=headers).json()
    assert (shown["board_uid"], shown["custody"], shown["epoch"]) == (unit.board_uid.hex(), "returned", 1)
    before = snapshot(services)
    proof = {"board_uid": unit.board_uid.hex(), "erased_bytes": FLASH_BYTES, "sha256": "0" * 64}
    assert "is not blank" in send("wipe", proof, 409)["detail"]
    assert send("repair", {"reason": "why not"}, 409)["code"] == "conflict"
    assert send("grade", {"grade": "z", "reason": "nice"}, 422)["code"] == "invalid"
    assert snapshot(services) == before
    assert send("wipe", proof | {"sha256": proof_of(unit).sha256})["state"] == "wiped"
    epochs = client.post(f"/v1/units/{unit.serial}/epochs", json={"reason": "refurbished"}, headers=headers)
    assert epochs.json()["condition"] == "refurbished"
    warehouse.certify_and_stock(warehouse.unit(unit.serial))
    done = send("grade", {"grade": "b", "reason": "a scratch"})
    assert (done["state"], done["custody"], done["grade"], done["epoch"]) == ("restocked", "in_stock", "b", 2)
    assert [step["event"] for step in done["steps"]][-3:] == ["flash", "pass", "grade"]
    detail = client.get(f"/v1/units/{unit.serial}", headers=headers).json()
    assert detail["refurbishing"] == {"round": 1, "state": "restocked", "grade": "b"}
    actions = [entry.action for entry in services.audit.page(warehouse.actor, 5, None, unit.serial)]
    assert actions == [
        "refurbishing:grade", "unit:stock", "unit:certify", "unit:begin_epoch", "refurbishing:wipe",
    ]  # fmt: skip


def test_a_unit_is_failed_repaired_and_scrapped_at_the_bench(
    client: TestClient, bearer: Bearer, warehouse: Warehouse
) -> None:
    unit = warehouse.place(warehouse.open_account())
    warehouse.take_back(unit)
    warehouse.renew(unit)
    headers = bearer(Role.WAREHOUSE)
    for verb, state in (("fail", "failed"), ("repair", "repaired"), ("scrap", "scrapped")):
        answer = client.post(f"/v1/units/{unit.serial}/refurbishing/{verb}", json={"reason": "why"}, headers=headers)
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    taken = client.post(
        f"/v1/units/{unit.serial}/refurbishing", json={"code": "worn", "note": "loose"}, headers=headers
    )
    assert (taken.status_code, "only a returned unit" in taken.json()["detail"]) == (409, True)
