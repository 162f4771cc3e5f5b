"""`plugtone call`, `use`, `destination` and `unit calls`, against the real service."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.domain.access import Role
from fleet.domain.unit import Unit
from fleet.services.build import Services
from tests.fleet.conftest import Clock, someone
from tests.fleet.domain.calls import MINUTE, call
from tests.fleet.services.calling import Caller, leave_traces
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run

TABLE = "prefix,name,price,effective_from\n+1876,Jamaica,0.25,2026-03-03\n"


@pytest.fixture
def caller(services: Services) -> Caller:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    return Caller(warehouse)


@pytest.fixture
def unit(caller: Caller) -> Unit:
    unit = caller.warehouse.place(caller.warehouse.open_account())
    caller.come_on(unit)
    return unit


def test_calls_are_listed_shown_and_written_out(plugtone: Run, caller: Caller, unit: Unit, tmp_path: Path) -> None:
    caller.tell(unit, call(duration_ms=61_400, packets_lost=7), call(duration_ms=0), call(duration_ms=5000))
    account = ("--account", "AC-1")
    table = plugtone("call", "list", *account)
    assert "1:01" in table
    assert "not answered" in table
    assert "MOS 4.4, 7 lost" in table
    assert "2026-03-02 15:00 UTC (about)" in table
    listed = plugtone("call", "list", *account, "--unit", unit.serial, "--since", "2026-03-02", "--json")
    assert [each["id"] for each in listed] == ["CL-3", "CL-2", "CL-1"]
    assert plugtone("call", "list", "--unit", str(unit.mac), "--limit", 2, "--json") == listed[:2]
    assert plugtone("call", "list", *account, "--direction", "in", "--json") == []
    assert plugtone("call", "show", "cl-1", "--json") == listed[2]
    assert "name the account" in plugtone("call", "list", status=1)
    assert "is before the first" in plugtone(
        "call", "list", *account, "--since", "2026-03-02", "--until", "2026-03-01", status=1
    )
    path = tmp_path / "calls.csv"
    plugtone("call", "export", *account, "--unit", unit.serial, "--output", path)
    rows = list(csv.DictReader(path.open(newline="")))
    assert [row["id"] for row in rows] == ["CL-3", "CL-2", "CL-1"]


def test_a_unit_says_how_its_calls_sound(plugtone: Run, caller: Caller, unit: Unit) -> None:
    caller.tell(unit, call(packets_received=960, packets_lost=40))
    shown = plugtone("unit", "calls", unit.serial, "--days", 7)
    assert f"{unit.serial} since 2026-02-24: poor: 4 % of packets lost" in shown
    assert "2026-03-02" in shown
    assert plugtone("unit", "calls", unit.serial, "--json")["measured"] == 1


def test_metered_destinations_are_loaded_and_used(
    plugtone: Run, caller: Caller, unit: Unit, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "metered.csv"
    path.write_text(TABLE + "+44,Britain,0.01,2026-01-01\n")
    refused = plugtone("destination", "import", path, status=1)
    assert "the table is as it was" in refused
    path.write_text(TABLE)
    assert plugtone("destination", "import", path, "--dry-run", "--json") == {"new": 1, "refused": []}
    assert plugtone("destination", "metered", "--json") == []
    assert plugtone("destination", "import", path, "--json")["new"] == 1
    assert "0.2500" in plugtone("destination", "metered")
    assert plugtone("destination", "metered", "--on", "2026-03-02", "--json") == []
    clock.advance(days=2)
    caller.tell(unit, call(duration_ms=MINUTE + 1))
    assert "+1876 Jamaica at $0.2500" in plugtone("call", "usage", "ac-1")
    assert [each["metered_minutes"] for each in plugtone("call", "usage", "AC-1", "--months", 2, "--json")] == [2]


def test_destinations_are_blocked_and_unblocked(plugtone: Run, unit: Unit) -> None:
    assert plugtone("destination", "block", "ac-1", "+8821", "--reason", "fraud", "--json")["id"] == "DB-1"
    assert "DB-1" in plugtone("destination", "block", "AC-1", "+8821", "--reason", "again", status=1)
    assert plugtone("destination", "block", "AC-1", "CU", "--reason", "fraud", "--json")["by"] == "country"
    assert len(plugtone("destination", "list", "--account", "AC-1", "--json")) == 2
    assert plugtone("destination", "unblock", "AC-1", "cu", "--reason", "their office", "--json")["lifted_why"]
    assert "AC-1 has no block of CU" in plugtone("destination", "unblock", "AC-1", "CU", "--reason", "x", status=1)
    assert [each["destination"] for each in plugtone("destination", "list", "--json")] == ["+8821"]
    assert len(plugtone("destination", "list", "--all", "--json")) == 2


def test_reviews_are_listed_shown_and_decided(plugtone: Run, caller: Caller, unit: Unit, clock: Clock) -> None:
    leave_traces(caller.warehouse, unit, "they")
    plugtone("policy", "set", "reasonable_use_percent", 0, "--from", "2026-04-01")
    for name in ("Osprey Legal", "Heron Books"):
        caller.come_on(caller.warehouse.place(caller.warehouse.open_account(name)))
    clock.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    caller.tell(unit, call(started_s=caller.seconds_ago()))
    clock.now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    caller.services.use_reviews.measure(someone(Role.ADMIN))
    assert "2026-04" in plugtone("use", "review", "list", "--open")
    assert len(plugtone("use", "review", "list", "--json")) == 2
    (review,) = plugtone("use", "review", "list", "--month", "2026-04", "--json")
    assert plugtone("use", "review", "show", review["id"].lower(), "--json") == review
    assert "limit minutes" in plugtone("use", "review", "show", review["id"])
    decided = plugtone("use", "review", "decide", review["id"], "--as", "excessive", "--reason", "resale", "--json")
    assert (decided["outcome"], decided["decided_by"][:3]) == ("excessive", "TO-")
    again = plugtone("use", "review", "decide", review["id"], "--as", "fraud", "--reason", "x", status=1)
    assert "decided already" in again


COMMANDS = (
    "call list", "call show", "call export", "call usage", "use review list", "use review show", "use review decide",
    "destination list", "destination block", "destination unblock", "destination metered", "destination import",
    "unit calls",
)  # fmt: skip


def test_every_command_explains_itself_with_an_example(plugtone: Run) -> None:
    for path in COMMANDS:
        shown = plugtone(*path.split(), "--help")
        assert f"Example: plugtone {path}" in " ".join(shown.split()), path
