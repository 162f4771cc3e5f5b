"""Bad days for a station: a cable that fails, a station that dies, at moments drawn from a seed; boards are played."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.release_owners import Owners
from tests.fleet.services.equipment import make_csr
from tools.client import FleetClient
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys
from tools.station.errors import AwaitingFleetError
from tools.station.journal import Journal, Record
from tools.station.lease_journal import LeaseJournal
from tools.station.offline import StationFleet

BLOCK = {"first": "70:B3:D5:7E:D0:00", "prefix_bits": 36, "registry": "MA-S", "note": "test"}
SELF_TEST = [{"test": "ram", "result": "passed", "value": 0}]


class DiedError(BaseException):
    """The station's process ends here."""


class Cable(httpx.BaseTransport):
    """`fault()` before each request: empty (sound), `away` (nothing is sent) or `lost` (sent, the answer lost)."""

    def __init__(self, fault: Callable[[], str] = lambda: "") -> None:
        self.fault = fault
        self._through = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fault = self.fault()
        if fault == "away":
            raise httpx.ConnectError("no route to host", request=request)
        answer = self._through.handle_request(request)
        if fault == "lost":
            answer.read()
            answer.close()
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return answer

    def close(self) -> None:
        self._through.close()


@dataclass
class PlayedBoard:
    """A board's flash: the keys it made, by serial number, and what it was given."""

    uid: str
    keys: dict[str, bytes] = field(default_factory=dict)
    certificate: str = ""
    done: bool = False

    def request(self, serial: str) -> str:
        if serial not in self.keys:
            self.keys[serial] = make_csr(serial, ec.generate_private_key(ec.SECP256R1()))
        return b64encode(self.keys[serial]).decode()


@dataclass
class Day:
    """A fleet, a station's folder, and boards that go through the steps of `flash_unit` that meet the fleet."""

    services: Services
    url: str
    folder: Path
    cable: Cable = field(default_factory=Cable)
    dies: Callable[[], bool] = lambda: False

    def open(self, keys: OfflineKeys) -> None:
        """Release keys and addresses."""
        owners = Owners(keys, Bundle(self.folder / "bundle"), self.services.repository)
        owners.initialise()
        owners.publish()
        self.token = self.services.access.issue_host_token("bench-3", Role.ADMIN).secret
        with FleetClient(self.url, self.token) as fleet:
            fleet.post("/v1/mac-blocks", BLOCK)

    def lease(self, units: int) -> None:
        """The station takes a lease while there is network."""
        leases = self.leases
        record = leases.begin("request-1", {"station": "bench-3", "board": "simulated", "units": units, "days": 7})
        with FleetClient(self.url, self.token) as fleet:
            leases.taken(record, fleet.post("/v1/mac-leases", {"request": record.request, **record.asked}))

    @property
    def leases(self) -> LeaseJournal:
        return LeaseJournal(self.folder / "leases")

    @property
    def journal(self) -> Journal:
        return Journal(self.folder / "journal")

    def station(self) -> StationFleet:
        """A station's process that has just begun."""
        client = FleetClient(self.url, self.token, patience_s=0, transport=self.cable, sleep=lambda _: None)
        return StationFleet(client, self.journal, self.leases, now=self.services.transactions.clock)

    def bring(self, fleet: StationFleet, board: PlayedBoard) -> bool:
        """The board through the bench; False if it has to wait. DiedError wherever `dies` says so."""
        journal = self.journal
        record = journal.load(board.uid)
        facts = {"board": "simulated", "hardware_revision": 1, "board_uid": board.uid}
        try:
            unit = self._asked(fleet, "/v1/units", facts)
            known = {name: unit[name] for name in ("serial", "mac", "epoch")}
            if any(getattr(record, name) != value for name, value in known.items()):
                record = journal.store(Record(board.uid), **known)
            self._maybe_die()
            request = board.request(record.serial)
            if request != record.csr:
                record = journal.store(record, csr=request, blobs={})
            self._maybe_die()
            if not record.blobs:
                body = {"csr": record.csr, "epoch": record.epoch}
                blobs = self._asked(fleet, f"/v1/units/{record.serial}/certificate", body)
                record = journal.store(record, blobs=blobs)
            board.certificate = record.blobs["certificate"]
            self._maybe_die()
            stock = {"version": "1.0.0", "release_counter": 1, "self_test": SELF_TEST, "claim_code_sha256": "00" * 32}
            self._asked(fleet, f"/v1/units/{record.serial}/stock", stock)
            journal.store(record, stocked=True)
        except AwaitingFleetError:
            return False
        board.done = True
        return True

    def _asked(self, fleet: StationFleet, path: str, body: dict[str, Any]) -> Any:
        answer = fleet.post(path, body, repeatable=True)
        self._maybe_die()
        return answer

    def _maybe_die(self) -> None:
        if self.dies():
            raise DiedError


def bad_day(day: Day, seed: int, boards: int, turns: int) -> list[str]:
    """A day of faults and deaths, then a good end: what is wrong with what came of it."""
    chance = random.Random(seed)
    played = [PlayedBoard(f"{seed % 2**24:06x}{number:010x}") for number in range(boards)]
    day.lease(boards // 2)
    weather = "sound"

    def fault() -> str:
        if weather == "bad":
            return chance.choice(("", "away", "lost"))
        return "away" if weather == "none" else ""

    day.cable.fault = fault
    day.dies = lambda: chance.random() < 0.1
    fleet = day.station()
    for _ in range(turns):
        weather = chance.choice(("sound", "bad", "none"))
        try:
            if chance.random() < 0.5:
                fleet.probe()
            day.bring(fleet, chance.choice(played))
        except DiedError:
            fleet = day.station()
    weather, day.dies, day.cable.fault = "sound", lambda: False, lambda: ""
    fleet = day.station()
    fleet.probe()
    faults = [f"board {board.uid} is not done" for board in played if not day.bring(fleet, board)]
    return [*faults, *_faults_of(day, played), *([fleet.trouble] if fleet.trouble else [])]


def _faults_of(day: Day, played: list[PlayedBoard]) -> list[str]:
    faults = [f"board {b.uid} made keys for {sorted(b.keys)}" for b in played if len(b.keys) != 1]
    with FleetClient(day.url, day.token) as fleet:
        units = list(fleet.items("/v1/units"))
        lease = day.leases.records()[0]
        used = len(lease.uses)
        settled = fleet.post(f"/v1/mac-leases/{lease.id}/settle", {"used": used})
        blocks = list(fleet.items("/v1/mac-blocks"))
    if len(units) != len(played) or len({unit["mac"] for unit in units}) != len(played):
        faults.append(f"{len(played)} boards became {len(units)} units")
    if {unit["custody"] for unit in units} != {"in_stock"}:
        faults.append(f"not all are in stock: {[unit['custody'] for unit in units]}")
    if settled["used"] != used or settled["state"] != "settled":
        faults.append(f"the lease has {settled['used']} of {used} uses")
    counts = {state: blocks[0][state] for state in ("given", "reserved", "leased", "taken")}
    if counts != {"given": len(played), "reserved": 0, "leased": 0, "taken": len(played)}:
        faults.append(f"{len(played)} boards, addresses {counts}")
    return faults
