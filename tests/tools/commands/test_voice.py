"""`plugtone voice` against the real service."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run

DOMAIN = ("--domain", "voice.example.com")


@pytest.fixture
def serial(services: Services) -> str:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    return warehouse.place(warehouse.open_account()).serial


def test_a_profile_is_set_and_what_is_not_named_stays(plugtone: Run) -> None:
    assert "version" in plugtone("voice", "profile", "show")
    refused = plugtone("voice", "profile", "set", *DOMAIN, status=1)
    assert "the first profile needs --registrar" in refused
    places = ("--registrar", "sip1.example.com:5061/tls", "--registrar", "sip2.example.com")
    found = plugtone("voice", "profile", "set", *DOMAIN, *places, "--emergency", "911, 933", "--json")
    assert (found["version"], found["profile"]["emergency"]) == (1, ["911", "933"])
    found = plugtone("voice", "profile", "set", "--ptime-ms", "30", "--dns", "192.0.2.53", "--json")["profile"]
    assert found["registrars"] == [
        {"host": "sip1.example.com", "port": 5061, "transport": "tls"},
        {"host": "sip2.example.com", "port": 0, "transport": "udp"},
    ]
    assert (found["ptime_ms"], found["dns"]) == (30, [{"host": "192.0.2.53", "port": 53}])
    assert plugtone("voice", "profile", "set", "--dns", "", "--json")["profile"]["dns"] == []
    assert "media security  off" in plugtone("voice", "profile", "show").replace("   ", "")
    for wrong in ("sip/sctp", "sip:x/udp"):
        assert repr(wrong.partition("/")[0])[1:-1] in plugtone(
            "voice", "profile", "set", "--registrar", wrong, status=1
        )


def test_the_registrars_list_is_written_for_its_owner_alone(
    plugtone: Run, services: Services, serial: str, tmp_path: Path
) -> None:
    plugtone("voice", "profile", "set", *DOMAIN, "--registrar", "sip.example.com")
    out = tmp_path / "subscribers.csv"
    plugtone("voice", "subscribers", "--out", out)
    assert list(csv.DictReader(out.open())) == [], "told by itself, a moment later"
    services.voice.bring_profile(someone(Role.ADMIN))
    (tmp_path / f".{out.name}.new").write_text("of a run that was cut off")
    plugtone("voice", "subscribers", "--out", out)
    (before,) = csv.DictReader(out.open())
    assert (before["serial"], before["user"], before["level"]) == (serial, "+15555550100", "full")
    assert out.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    said = plugtone("unit", "line", serial)
    assert "at the registrar: not heard of yet; its account is of 2026-03-02" in said
    assert f"{serial} has another password" in plugtone("voice", "rotate", serial, "--reason", "calls nobody made")
    after = plugtone("voice", "subscribers", "--unit", serial, "--json")
    assert (after["user"], after["ha1_md5"] == before["ha1_md5"]) == (before["user"], False)
