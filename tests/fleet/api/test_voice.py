"""The voice profile over HTTP, rotation, and the registrar's list: what each shows, and what none ever does."""

from __future__ import annotations

import json
from typing import Any

from starlette.testclient import TestClient

from fleet.domain.access import Actor, Role
from fleet.domain.unit import Unit
from fleet.services.build import Services
from tests.fleet.api.conftest import Bearer
from tests.fleet.services.equipment import Warehouse

PROFILE = {"domain": "voice.example.com", "registrars": [{"host": "sip.example.com", "transport": "tls"}]}
PATH = "/v1/voice-profile"


def placed(services: Services, admin: Actor) -> tuple[Warehouse, Unit]:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    unit = warehouse.stock()
    warehouse.send(warehouse.open_account(), unit)
    warehouse.register(unit)
    return warehouse, unit


def test_a_profile_is_read_and_set_under_its_version(client: TestClient, bearer: Bearer) -> None:
    headers = bearer(Role.ADMIN)
    first = client.get(PATH, headers=headers)
    assert (first.json(), first.headers["etag"]) == ({"version": 0, "units_behind": 0, "profile": None}, '"0"')
    answer = client.put(PATH, json=PROFILE, headers={**headers, "If-Match": '"0"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    shown: dict[str, Any] = answer.json()["profile"]
    assert shown["registrars"] == [{"host": "sip.example.com", "port": 0, "transport": "tls"}]
    assert (shown["codecs"], shown["emergency"], shown["media_security"]) == (["PCMU", "PCMA"], ["911"], "off")
    assert client.get(PATH, headers=bearer(Role.SUPPORT)).json()["profile"] == shown
    assert client.put(PATH, json=PROFILE, headers={**headers, "If-Match": '"0"'}).status_code == 412
    wrong = client.put(PATH, json={**PROFILE, "ptime_ms": 15}, headers=headers)
    assert (wrong.status_code, "ptime_ms is one of" in wrong.json()["detail"]) == (422, True)


def test_the_list_comes_as_csv_or_json_for_a_registrars_token(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor
) -> None:
    client.put(PATH, json=PROFILE, headers=bearer(Role.ADMIN))
    warehouse, unit = placed(services, admin)
    password = warehouse.register(unit)[1].values["voice"][0]["password"]
    token = {"Authorization": f"Bearer {services.access.issue_host_token('registrar', Role.REGISTRAR).secret}"}
    as_csv = client.get("/v1/subscribers", headers=token)
    assert as_csv.headers["content-type"].startswith("text/csv")
    head, line = as_csv.text.splitlines()
    assert head == "serial,user,domain,realm,level,ha1_md5,ha1_sha256,barred"
    as_json = client.get("/v1/subscribers", params={"format": "json", "serial": unit.serial}, headers=token)
    assert list(json.loads(as_json.text).values()) == line.split(",")
    assert client.get("/v1/subscribers", params={"serial": "PT1"}, headers=token).status_code == 422
    for path in ("/v1/units", PATH, "/v1/numbers"):
        assert client.get(path, headers=token).status_code == 403, "the list, and nothing else"
    shown = client.get(f"/v1/units/{unit.serial}", headers=bearer(Role.ADMIN)).text
    assert not [each for each in (as_csv.text, as_json.text, shown) if password in each]


def test_an_account_is_rotated_for_a_reason(
    client: TestClient, bearer: Bearer, services: Services, admin: Actor
) -> None:
    client.put(PATH, json=PROFILE, headers=bearer(Role.ADMIN))
    warehouse, unit = placed(services, admin)
    path, headers = f"/v1/units/{unit.serial}/rotate-voice", bearer(Role.SUPPORT)
    assert client.post(path, json={}, headers=headers).status_code == 422
    before = warehouse.register(unit)[1].values["voice"][0]["password"]
    answer = client.post(path, json={"reason": "calls nobody made"}, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert warehouse.register(unit)[1].values["voice"][0]["password"] != before
    missing = client.post("/v1/units/PT999999998/rotate-voice", json={"reason": "x"}, headers=headers)
    assert missing.status_code == 404
