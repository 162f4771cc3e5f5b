"""A station without network works from its lease, and nothing it did is lost or done twice when the network is back."""

from pathlib import Path
from threading import Condition, Event, Thread

import pytest

from fleet.services.build import Services
from tests.tools.station.away import Day, DiedError, PlayedBoard, bad_day
from tests.tools.station.conftest import Bench
from tools.client import FleetClient
from tools.release.keys import OfflineKeys
from tools.station.errors import AwaitingFleetError, StationError
from tools.station.flasher import Image
from tools.station.offline import StationFleet
from tools.station.operators import Operators
from tools.station.port_states import PortState
from tools.station.provision import Job
from tools.station.run import Port
from tools.station.run_cli import Bench as AtWork
from tools.station.shift import ShiftJournal, report_of
from tools.station.upload import upload

LIMIT_S = 60.0
ONE, TWO = PlayedBoard("0000000000000001"), PlayedBoard("0000000000000002")


@pytest.fixture
def day(services: Services, url: str, tmp_path: Path, offline_keys: OfflineKeys) -> Day:
    day = Day(services, url, tmp_path / "station")
    (tmp_path / "station").mkdir()
    day.open(offline_keys)
    return day


def boards() -> tuple[PlayedBoard, PlayedBoard]:
    return PlayedBoard(ONE.uid), PlayedBoard(TWO.uid)


def test_without_network_a_board_waits_for_its_certificate_and_gets_it_later(day: Day) -> None:
    board, _ = boards()
    day.lease(2)
    day.cable.fault = lambda: "away"
    fleet = day.station()
    assert not day.bring(fleet, board)
    assert not fleet.in_reach
    record = day.journal.load(board.uid)
    assert (record.serial, bool(record.csr), record.blobs, board.certificate) == ("PT000000018", True, {}, "")
    assert not fleet.probe()
    day.cable.fault = lambda: ""
    assert fleet.probe()
    assert day.journal.load(board.uid).blobs["certificate"]
    assert day.bring(fleet, board)
    assert set(board.keys) == {"PT000000018"}


def test_certificate_that_came_meanwhile_goes_in_at_the_second_way_over_the_bench(day: Day) -> None:
    """Off the bench while the network came back, on it again when it is away once more."""
    board, _ = boards()
    day.lease(1)
    day.cable.fault = lambda: "away"
    assert not day.bring(day.station(), board)
    day.cable.fault = lambda: ""
    assert day.station().probe()
    day.cable.fault = lambda: "away"
    assert not day.bring(day.station(), board)
    assert board.certificate  # it has its identity; in stock it is when the fleet heard of it
    assert not day.journal.load(board.uid).stocked


def test_board_whose_number_the_fleet_was_asked_for_gets_none_from_the_lease(day: Day) -> None:
    board, _ = boards()
    day.lease(2)
    day.cable.fault = lambda: "lost"
    with pytest.raises(AwaitingFleetError, match="may have given this board its number already"):
        day.station().post("/v1/units", {"board": "simulated", "hardware_revision": 1, "board_uid": board.uid})
    day.cable.fault = lambda: ""
    assert day.bring(day.station(), board)
    assert day.leases.lease_of(board.uid) is None


def test_without_network_and_lease_a_board_waits(day: Day) -> None:
    board, _ = boards()
    day.cable.fault = lambda: "away"
    with pytest.raises(AwaitingFleetError, match="no network: no lease for board 'simulated'"):
        day.station().post("/v1/units", {"board": "simulated", "hardware_revision": 1, "board_uid": board.uid})


def away_at_the_bench(day: Day, *played: PlayedBoard) -> StationFleet:
    """Boards with numbers of a lease, and requests that wait for the network; the station that brought them there."""
    day.lease(len(played))
    day.cable.fault = lambda: "away"
    fleet = day.station()
    for each in played:
        assert not day.bring(fleet, each)
    return fleet


def test_upload_may_be_repeated_and_changes_nothing(day: Day) -> None:
    board, other = boards()
    away_at_the_bench(day, board, other)
    with FleetClient(day.url, day.token) as client:
        first = upload(client, day.journal, day.leases)
        before = [day.journal.load(each.uid) for each in (board, other)]
        again = upload(client, day.journal, day.leases)
    assert (first.uses, first.certificates, first.refused) == (2, 2, {})
    assert (again.uses, again.certificates, again.refused) == (0, 0, {})
    assert [day.journal.load(each.uid) for each in (board, other)] == before


def test_use_that_the_fleet_refuses_sets_the_board_aside(day: Day) -> None:
    board, _ = boards()
    day.lease(1)
    with FleetClient(day.url, day.token) as client:  # another station has given it a number
        client.post("/v1/units", {"board": "simulated", "hardware_revision": 1, "board_uid": board.uid})
    day.cable.fault = lambda: "away"
    assert not day.bring(day.station(), board)
    day.cable.fault = lambda: ""
    fleet = day.station()
    fleet.probe()
    assert f"board {board.uid} is PT000000026 already" in fleet.trouble
    with pytest.raises(StationError, match=r"refuses this board's number from the lease .* set it aside"):
        day.bring(fleet, board)
    assert not board.certificate


def test_key_that_the_fleet_does_not_sign_is_told_and_the_others_go_on(day: Day) -> None:
    board, other = boards()
    fleet = away_at_the_bench(day, board, other)
    record = day.journal.load(board.uid)
    day.journal.store(record, csr=day.journal.load(other.uid).csr)
    day.cable.fault = lambda: ""
    fleet.probe()
    assert record.serial in fleet.trouble
    assert day.journal.load(other.uid).blobs


def test_full_disk_at_an_upload_does_not_end_the_stations_asking(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tools.station.offline.upload", full)
    fleet = day.station()
    assert fleet.probe()
    assert "No space left" in fleet.trouble


def test_lease_that_is_not_this_tokens_does_not_stop_the_others(day: Day) -> None:
    board, other = boards()
    day.lease(1)
    lost = day.leases.begin("request-0", {"station": "bench-3", "board": "simulated", "units": 1, "days": 7})
    known = day.leases.records()[0]
    answer = {**known.lease, "id": "ML-99", "taken_at": "2000-01-01T00:00:00+00:00"}
    slots = [{"serial": "PT000099994", "mac": "70:B3:D5:7E:DF:FF"}]
    day.leases.taken(lost, {**answer, "slots": slots})
    for each in (board, other):
        day.leases.use("simulated", each.uid, 1, day.services.transactions.clock())
    with FleetClient(day.url, day.token) as client:
        done = upload(client, day.journal, day.leases)
    assert (done.uses, list(done.refused)) == (1, ["PT000099994"])


def test_second_answer_to_one_question_does_not_forget_slots_in_use(day: Day) -> None:
    """Two `mac lease take` at a time ask the same; a slot used between their answers stays used."""
    day.lease(2)
    (record,) = day.leases.records()
    first = day.leases.use("simulated", ONE.uid, 1, day.services.transactions.clock())
    slots = [{"serial": serial, "mac": mac} for serial, mac in record.slots]
    day.leases.taken(record, {**record.lease, "slots": slots})
    assert day.leases.use("simulated", TWO.uid, 1, day.services.transactions.clock()) != first


@pytest.mark.parametrize("seed", [1, 2])
def test_on_a_bad_day_no_number_is_lost_or_given_twice(day: Day, seed: int) -> None:
    assert bad_day(day, seed, boards=6, turns=60) == []


class Seen:
    """The ports as the station told of them last."""

    def __init__(self) -> None:
        self.states: list[PortState] = []
        self.changes = Condition()

    def changed(self, before: Port, port: Port) -> None:
        with self.changes:
            if before.state is not port.state:
                self.states.append(port.state)
            self.changes.notify_all()

    def until(self, state: PortState) -> None:
        with self.changes:
            assert self.changes.wait_for(lambda: state in self.states, LIMIT_S), self.states


def at_work(bench: Bench, day: Day, ports: dict[str, Path]) -> AtWork:
    """A station's process that has just begun, with everything real but the cable."""
    client = FleetClient(day.url, day.token, patience_s=0, transport=day.cable, sleep=lambda _: None)
    fleet = StationFleet(client, day.journal, day.leases, now=day.services.transactions.clock)
    labels = bench.folder / "labels"
    labels.mkdir(exist_ok=True)
    job = Job(Image.parse(bench.image), labels, "http://fleet.example/claim")
    operators = Operators(client, bench.folder / "journal", needed=False)
    shifts = ShiftJournal(bench.folder / "shifts")
    return AtWork(job, client, fleet, day.journal, lambda: ports, list(ports), operators, shifts)


def test_real_board_waits_without_network_survives_a_death_and_is_done_when_it_is_back(day: Day, bench: Bench) -> None:
    board = bench.board()
    day.lease(1)
    day.cable.fault = lambda: "away"
    with pytest.raises(AwaitingFleetError):  # this station died as soon as it knew
        bench.flash(board, fleet=day.station(), journal=day.journal)
    request = day.journal.load(board.chip.board_uid.hex()).csr
    assert request
    seen, ended = Seen(), Event()
    station = at_work(bench, day, {"1-1": board.usb})
    work = Thread(target=station.run, args=([seen], ended))
    work.start()
    try:
        seen.until(PortState.AWAITING_CERTIFICATE)
        assert list((bench.folder / "labels").iterdir()) == []
        day.cable.fault = lambda: ""
        seen.until(PortState.DONE)
    finally:
        ended.set()
        work.join()
    record = day.journal.load(board.chip.board_uid.hex())
    assert (record.csr, record.stocked) == (request, True)  # one key, whatever came between
    assert [event.state for event in station.shifts.events()] == ["awaiting certificate", "done"]
    report = report_of(station.shifts.events())
    assert (report.boards, report.done, report.waiting, report.first_time) == (1, 1, 0, 1)


def test_death_between_question_and_answer_is_no_second_number(day: Day) -> None:
    board, _ = boards()
    day.lease(1)
    day.dies = lambda: True
    with pytest.raises(DiedError):
        day.bring(day.station(), board)
    day.dies = lambda: False
    day.cable.fault = lambda: "away"
    assert not day.bring(day.station(), board)
    day.cable.fault = lambda: ""
    assert day.bring(day.station(), board)
    assert set(board.keys) == {"PT000000026"}  # the lease holds the first one
