"""The inventory by `plugtone mac` alone, against the real service over HTTP."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.services.build import Services
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import Clock
from tests.tools.commands.conftest import Run
from tools.station.errors import StationError
from tools.station.lease_journal import LeaseJournal

FIRST = "8C:1F:64:00:10:00"
NOW = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)


@pytest.fixture
def fleet(plugtone: Run) -> Run:
    plugtone("mac", "add", "--first", FIRST, "--prefix-bits", 36, "--registry", "MA-S")
    return plugtone


def block(plugtone: Run) -> dict[str, Any]:
    (found,) = plugtone("mac", "list", "--json")
    return {name: found[name] for name in ("free", "leased", "reserved", "given", "retired", "written_off")}


def counts(**other: int) -> dict[str, int]:
    found = dict.fromkeys(("leased", "reserved", "given", "retired", "written_off"), 0) | other
    return {"free": 4096 - sum(found.values()), **found}


def take(plugtone: Run, folder: Path, units: int = 5) -> str:
    options = ("--board", "simulated", "--units", units, "--station", "bench-3", "--journal", folder)
    return str(plugtone("mac", "lease", "take", *options, "--json")["id"])


def test_a_station_works_without_network_and_gives_back_what_is_left(fleet: Run, tmp_path: Path) -> None:
    lease = take(fleet, tmp_path / "leases")
    assert block(fleet) == counts(leased=5)
    journal = LeaseJournal(tmp_path / "leases")
    first = journal.use("simulated", "00000000000000a1", 1, NOW)
    assert first == (make_serial(1), FIRST)
    assert journal.use("simulated", "00000000000000a1", 1, NOW) == first, "one board, one slot"
    assert journal.use("simulated", "00000000000000a2", 1, NOW)[0] == make_serial(2)
    for _ in range(2):  # a second upload finds nothing to do
        assert fleet("mac", "lease", "upload", "--journal", tmp_path / "leases", "--json") == [
            {"lease": lease, "used": 2, "refused": {}}
        ]
    assert block(fleet) == counts(leased=3, reserved=2)
    assert fleet("unit", "show", make_serial(1), "--json")["custody"] == "made"
    journal.use("simulated", "00000000000000a3", 1, NOW)
    settled = fleet("mac", "lease", "settle", lease, "--journal", tmp_path / "leases", "--json")
    assert (settled["state"], settled["used"]) == ("settled", 3)
    assert block(fleet) == counts(reserved=3)
    with pytest.raises(StationError, match="no lease for board"):
        journal.use("simulated", "00000000000000a4", 1, NOW)
    history = fleet("mac", "show", FIRST, "--json")
    assert [step["event"] for step in history["history"]] == ["lease", "use"]
    assert (history["state"], history["unit"], history["lease"]) == ("reserved", make_serial(1), lease)


def test_a_command_cut_off_before_the_answer_gets_the_same_lease(fleet: Run, tmp_path: Path) -> None:
    lease = take(fleet, tmp_path)
    (path,) = tmp_path.glob("lease-*.json")
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"lease": {}, "slots": []}))  # as it was before the answer came
    assert take(fleet, tmp_path) == lease
    assert block(fleet) == counts(leased=5)
    assert json.loads(path.read_text()) == facts | {"lease": facts["lease"]}


def test_a_lease_of_another_folder_is_not_settled(fleet: Run, tmp_path: Path) -> None:
    lease = take(fleet, tmp_path / "leases")
    words = fleet("mac", "lease", "settle", lease, "--journal", tmp_path / "other", status=1)
    assert f"holds no lease {lease}" in words
    assert block(fleet) == counts(leased=5)


def test_a_board_that_is_a_unit_already_is_set_aside_with_its_slot_and_the_lease_ends(
    fleet: Run, services: Services, tmp_path: Path
) -> None:
    lease = take(fleet, tmp_path)
    actor = services.access.actor_of_secret(services.access.issue_host_token("bench", "warehouse").secret)  # type: ignore[arg-type]
    services.provisioning.allocate(actor, "simulated", 1, bytes.fromhex("00000000000000a1"))
    LeaseJournal(tmp_path).use("simulated", "00000000000000a1", 1, NOW)
    words = fleet("mac", "lease", "upload", "--journal", tmp_path, status=1)
    assert f"{make_serial(1)}: board 00000000000000a1 is {make_serial(6)} already" in words
    assert block(fleet) == counts(leased=5, reserved=1)
    settled = fleet("mac", "lease", "settle", lease, "--journal", tmp_path, "--json")
    assert settled["state"] == "settled"
    assert f"board 00000000000000a1 is {make_serial(6)} already" in settled["refused"][make_serial(1)]
    assert "already" in fleet("mac", "lease", "settle", lease, "--journal", tmp_path)
    assert block(fleet) == counts(written_off=1, reserved=1)


def test_an_expired_lease_stops_the_station_and_is_written_off_by_an_admin(
    fleet: Run, clock: Clock, tmp_path: Path
) -> None:
    lease = take(fleet, tmp_path)
    journal = LeaseJournal(tmp_path)
    journal.use("simulated", "00000000000000a1", 1, NOW)
    with pytest.raises(StationError, match="no lease for board"):
        journal.use("simulated", "00000000000000a2", 1, NOW + timedelta(days=7))
    clock.advance(days=8)
    assert [each["id"] for each in fleet("mac", "lease", "list", "--expired", "--json")] == [lease]
    assert fleet("mac", "supply", "--json")["expired_leases"] == [lease]
    assert block(fleet) == counts(leased=5), "time alone gives nothing back"
    fleet("mac", "lease", "write-off", lease, "--reason", "station burnt")
    assert block(fleet) == counts(written_off=5)
    fleet("mac", "lease", "upload", "--journal", tmp_path)
    assert block(fleet) == counts(written_off=4, reserved=1)
    assert fleet("mac", "lease", "show", lease, "--json")["state"] == "written_off"


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["serial,mac,board,hardware_revision", *rows, ""]))
    return path


def test_a_list_is_tried_taken_in_and_taken_in_again(fleet: Run, tmp_path: Path) -> None:
    rows = [f"{make_serial(n)},8c1f.6400.1{n:03x},simulated,{1 + n % 4}" for n in range(1, 41)]
    path = write(tmp_path / "units.csv", *rows)
    assert fleet("mac", "import", path, "--dry-run") == ("40 accepted, 0 unchanged, 0 refused, 0 written (dry run)\n")
    assert block(fleet) == counts()
    assert fleet("mac", "import", path) == "40 accepted, 0 unchanged, 0 refused, 40 written\n"
    assert fleet("mac", "import", path) == "0 accepted, 40 unchanged, 0 refused, 0 written\n"
    assert block(fleet) == counts(given=40)
    assert fleet("mac", "show", "8C:1F:64:00:10:07", "--json")["unit"] == make_serial(7)


def test_one_bad_row_stops_all_unless_partial(fleet: Run, tmp_path: Path) -> None:
    rows = [f"{make_serial(n)},8c:1f:64:00:10:{n:02x},simulated,1" for n in (1, 2, 3)]
    path = write(tmp_path / "units.csv", rows[0], f"{make_serial(9)},8d:1f:64:00:10:09,simulated,1", *rows[1:])
    words = fleet("mac", "import", path, status=1)
    assert f"line 3, {make_serial(9)}: 8D:1F:64:00:10:09 is multicast" in words
    assert "1 rows are refused; nothing was changed" in words
    assert block(fleet) == counts()
    report = tmp_path / "report.csv"
    assert "the others were taken" in fleet("mac", "import", path, "--partial", "--report", report, status=1)
    assert block(fleet) == counts(given=3)
    with report.open(newline="") as file:
        assert [row["outcome"] for row in csv.DictReader(file)] == ["accepted", "refused", "accepted", "accepted"]
    assert "give one of them" in fleet("mac", "import", path, "--partial", "--dry-run", status=1)


def test_what_is_exported_is_imported_without_a_change(fleet: Run, tmp_path: Path) -> None:
    rows = [f"{make_serial(n)},8c:1f:64:00:10:{n:02x},simulated,1" for n in (1, 2, 3)]
    fleet("mac", "import", write(tmp_path / "units.csv", *rows))
    fleet("mac", "export", "--output", tmp_path / "inventory.csv")
    assert fleet("mac", "import", tmp_path / "inventory.csv") == "0 accepted, 3 unchanged, 0 refused, 0 written\n"
    assert fleet("mac", "export") == (tmp_path / "inventory.csv").read_bytes().decode()


def test_a_file_that_is_no_list_is_refused_at_once(fleet: Run, tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("name,mac\n")
    assert "the first row names the columns; serial, board, hardware_revision missing" in fleet(
        "mac", "import", path, status=1
    )
    path.write_bytes("serial,mac".encode("utf-16"))
    assert "save it as CSV in UTF-8" in fleet("mac", "import", path, status=1)
    assert "lies in no block" in fleet("mac", "show", "00:11:22:33:44:55", status=1)


@pytest.mark.parametrize(
    "command",
    ["list", "add", "show", "supply", "import", "export", "lease take", "lease list", "lease upload", "lease settle",
     "lease show", "lease write-off"],
)  # fmt: skip
def test_every_command_has_help_with_an_example_and_refuses_wrong_usage(plugtone: Run, command: str) -> None:
    assert f"Example: plugtone mac {command}" in plugtone("mac", *command.split(), "--help")
    plugtone("mac", *command.split(), "--no-such-option", status=2)
