"""A station, its operator, and a label printed again, against the real fleet: who did it is kept, with both names."""

import json
import os
import stat
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image as Picture

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.services.equipment import PASSED, make_csr
from tests.tools.commands.conftest import Run
from tests.tools.station.away import BLOCK, Cable
from tools.client import OPERATOR_HEADER, FleetClient, RefusedError
from tools.label import claim_code_sha256
from tools.station.errors import StationError
from tools.station.journal import Journal, Record
from tools.station.operators import Operators
from tools.station.reprint import reprint_label

PASSWORD = "four words nobody guessed"
EMAIL = "ada@operator.example"
UID = "0000000000000001"
PAGE = "http://fleet.example/claim"


@pytest.fixture
def token(plugtone: Run, services: Services) -> str:
    """The station's own."""
    return services.access.issue_host_token("bench-3", Role.WAREHOUSE).secret


@pytest.fixture
def station(token: str, url: str) -> Iterator[FleetClient]:
    with FleetClient(url, token, patience_s=0) as client:
        yield client


@pytest.fixture
def badge(plugtone: Run, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a scanner reads from the badge of Ada, who works at the warehouse."""
    with FleetClient(url, os.environ["PLUGTONE_TOKEN"]) as admin, FleetClient(url) as stranger:
        ada = admin.post("/v1/people", {"name": "Ada", "email": EMAIL, "roles": ["warehouse"]})
        link = admin.post(f"/v1/people/{ada['id']}/link")["link"]
        stranger.post("/v1/passwords", {"secret": link.partition("#")[2], "password": PASSWORD})
    monkeypatch.setenv("PLUGTONE_PASSWORD", PASSWORD)
    out = tmp_path / "ada.png"
    made = plugtone("station", "badge", "--email", EMAIL, "--out", out, "--json")
    assert made["person"] == ada["id"]
    assert "plt_" not in json.dumps(made)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (code,) = zxingcpp.read_barcodes(Picture.open(out).convert("L"))
    return str(code.text)


def audited(url: str, subject: str) -> list[tuple[str, str, str]]:
    with FleetClient(url, os.environ["PLUGTONE_TOKEN"]) as admin:
        entries = admin.items("/v1/audit", subject=subject)
        return [(entry["action"], entry["actor"], entry["operator"]) for entry in entries]


def labelled(station: FleetClient) -> str:
    """A unit in stock, as `flash_unit` leaves it."""
    serial: str = station.post("/v1/units", {"board": "simulated", "hardware_revision": 1, "board_uid": UID})["serial"]
    request = b64encode(make_csr(serial)).decode()
    station.post(f"/v1/units/{serial}/certificate", {"csr": request, "epoch": 1})
    stock = {"version": "1.0.0", "release_counter": 1, "self_test": PASSED, "claim_code_sha256": "00" * 32}
    station.post(f"/v1/units/{serial}/stock", stock)
    return serial


@pytest.fixture
def unit(station: FleetClient, url: str) -> str:
    with FleetClient(url, os.environ["PLUGTONE_TOKEN"]) as admin:
        admin.post("/v1/mac-blocks", BLOCK)
    return labelled(station)


def test_acts_are_kept_with_the_station_and_with_who_worked_there(
    station: FleetClient,
    badge: str,
    url: str,
    tmp_path: Path,
) -> None:
    operators = Operators(station, tmp_path, needed=True)
    assert not operators.may_begin
    operator = operators.sign_in(f"{badge}\n")
    assert operators.may_begin
    assert operators.station == "bench-3"
    with FleetClient(url, os.environ["PLUGTONE_TOKEN"]) as admin:
        admin.post("/v1/mac-blocks", BLOCK)
    serial = labelled(station)
    (shift,) = [each for each in audited(url, operator) if each[0] == "shift:begin"]
    acts = audited(url, serial)
    assert {act for act, *_ in acts} >= {"unit:allocate", "unit:certify", "unit:stock"}
    assert {(actor, who) for _, actor, who in acts} == {(shift[1], operator)}
    assert shift[1].startswith("TO-")
    written = (tmp_path / "operators").read_text()
    assert badge not in written
    assert EMAIL not in written


def test_badge_opens_nothing_by_itself_and_gives_no_right(badge: str, url: str, station: FleetClient) -> None:
    with FleetClient(url, badge) as thief:
        for ask in (lambda: thief.get("/v1/units"), lambda: thief.post("/v1/shifts"), lambda: thief.get("/v1/me")):
            with pytest.raises(RefusedError) as refused:
                ask()
            assert refused.value.status == 403
    station.name_operator(badge)
    with pytest.raises(RefusedError) as refused:
        station.get("/v1/people")
    assert refused.value.status == 403


def test_what_is_no_badge_of_a_person_signs_nobody_in(station: FleetClient, token: str, tmp_path: Path) -> None:
    operators = Operators(station, tmp_path, needed=True)
    for text, why in (
        ("PT000000018", "that is no operator's badge"),
        ("plt_nobody", "the fleet knows no such badge"),
        (token, "is the token of a machine"),
    ):
        with pytest.raises(StationError, match=why) as refused:
            operators.sign_in(text)
        assert text == "PT000000018" or text not in str(refused.value)
    assert not operators.may_begin
    with pytest.raises(RefusedError, match="a shift is somebody's"):
        station.post("/v1/shifts")


def test_badge_of_somebody_disabled_is_dead_at_once(
    station: FleetClient,
    badge: str,
    url: str,
    services: Services,
    tmp_path: Path,
) -> None:
    operator = Operators(station, tmp_path, needed=True).sign_in(badge)
    with FleetClient(url, os.environ["PLUGTONE_TOKEN"]) as admin:
        version = admin.get(f"/v1/people/{operator}")["version"]
        admin.post(f"/v1/people/{operator}/disable", headers={"If-Match": f'"{version}"'})
    services.access.forget_actors()
    with pytest.raises(RefusedError) as refused:
        station.post("/v1/shifts", headers={OPERATOR_HEADER: badge})
    assert refused.value.status in (401, 403)


def test_without_network_a_badge_known_here_is_good_for_some_days(
    token: str,
    badge: str,
    url: str,
    tmp_path: Path,
) -> None:
    cable = Cable()
    with FleetClient(url, token, patience_s=0, transport=cable) as station:
        operator = Operators(station, tmp_path, needed=True).sign_in(badge)
        cable.fault = lambda: "away"
        assert Operators(station, tmp_path, needed=True).sign_in(badge) == operator
        with pytest.raises(StationError, match="no network, and this station has not seen that badge lately"):
            Operators(station, tmp_path, needed=True).sign_in("plt_another")
        kept = json.loads((tmp_path / "operators").read_text())
        for each in kept.values():
            each["seen"] = "2026-03-01T00:00:00+00:00"
        (tmp_path / "operators").write_text(json.dumps(kept))
        with pytest.raises(StationError, match="has not seen that badge lately"):
            Operators(station, tmp_path, needed=True).sign_in(badge)


def test_badge_that_was_refused_is_no_good_without_network_either(
    token: str,
    badge: str,
    url: str,
    services: Services,
    tmp_path: Path,
) -> None:
    cable = Cable()
    with FleetClient(url, token, patience_s=0, transport=cable) as station:
        operator = Operators(station, tmp_path, needed=True).sign_in(badge)
        with FleetClient(url, os.environ["PLUGTONE_TOKEN"]) as admin:
            version = admin.get(f"/v1/people/{operator}")["version"]
            admin.post(f"/v1/people/{operator}/disable", headers={"If-Match": f'"{version}"'})
        services.access.forget_actors()
        with pytest.raises(StationError, match="the fleet knows no such badge"):
            Operators(station, tmp_path, needed=True).sign_in(badge)
        cable.fault = lambda: "away"
        with pytest.raises(StationError, match="has not seen that badge lately"):
            Operators(station, tmp_path, needed=True).sign_in(badge)


def code_on(path: Path) -> str:
    text = next(each.text for each in zxingcpp.read_barcodes(Picture.open(path).convert("L")) if "#" in each.text)
    return text.rpartition("-")[2]


def test_label_printed_again_has_a_new_code_and_is_audited(
    plugtone: Run,
    unit: str,
    url: str,
    services: Services,
    tmp_path: Path,
) -> None:
    made = plugtone("station", "reprint", unit.lower(), "--reason", "smudged", "--labels", tmp_path, "--json")
    code = code_on(Path(made["label"]))
    assert claim_hash(services, unit) == claim_code_sha256(code)
    assert ("unit:reprint_label", "TO-1", "") in audited(url, unit)
    assert list(tmp_path.glob(".reprint-*")) == []


def test_reprint_cut_off_anywhere_goes_on_with_the_same_code(
    station: FleetClient,
    unit: str,
    url: str,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> bytes:
        raise StationError("the disk is full")

    monkeypatch.setattr("tools.station.reprint.png", full)
    with pytest.raises(StationError, match="disk is full"):
        reprint_label(station, unit, "torn", tmp_path, PAGE, Journal(tmp_path / "journal"))
    told = claim_hash(services, unit)
    monkeypatch.undo()
    path = reprint_label(station, unit, "torn", tmp_path, PAGE, Journal(tmp_path / "journal"))
    assert claim_code_sha256(code_on(path)) == told == claim_hash(services, unit)
    assert len([each for each in audited_by(services, unit) if each == "unit:reprint_label"]) == 1


def test_old_code_that_the_journal_still_held_is_dropped_by_a_reprint(
    station: FleetClient, unit: str, tmp_path: Path
) -> None:
    """The answer to the stock record was lost: the station would draw the old label over the new one."""
    journal = Journal(tmp_path / "journal")
    journal.store(Record(UID, serial=unit, epoch=1, claim_code="0123456789AB", label=f"{unit}.png"))
    reprint_label(station, unit, "torn", tmp_path, PAGE, journal)
    assert (journal.load(UID).stocked, journal.load(UID).claim_code) == (True, "")


def test_label_of_a_unit_that_is_not_in_our_hands_is_not_printed(
    station: FleetClient,
    unit: str,
    services: Services,
    tmp_path: Path,
) -> None:
    made = {"board": "simulated", "hardware_revision": 1, "board_uid": "0000000000000002"}
    bare = station.post("/v1/units", made)["serial"]
    for serial, why in ((bare, "is made: a label is printed again for"), ("PT000099994", "there is no unit")):
        with pytest.raises((RefusedError, StationError), match=why):
            reprint_label(station, serial, "lost", tmp_path, PAGE, Journal(tmp_path / "journal"))
        assert list(tmp_path.glob("*.png")) == []
        assert list(tmp_path.glob(".reprint-*")) == []


def claim_hash(services: Services, serial: str) -> str:
    from fleet.domain.access import system_actor
    from fleet.store.units import UnitRepository

    with services.transactions.read(system_actor("test")) as uow:
        units = UnitRepository(uow)
        return units.claim_code_sha256(units.get(serial))


def audited_by(services: Services, serial: str) -> list[str]:
    from fleet.domain.access import system_actor

    return [entry.action for entry in services.audit.page(system_actor("test"), 100, None, serial)]
