"""The fleet as the bench sees it: itself while it answers, else the journal and the lease, until it answers again.

- A board is never given two serial numbers. The fleet is asked for a board's only after that was written down; if the
  answer was lost, no slot of the lease is used for that board: it waits for the fleet, which gives the same again.
- A slot of the lease that a board has is reported before the fleet is asked for anything of that board.
- Without network a unit gets as far as its request for a certificate, which the journal keeps. It waits there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from tools.client import FleetClient, UnreachableError
from tools.errors import ToolError
from tools.station.errors import AwaitingFleetError, StationError
from tools.station.journal import Journal
from tools.station.lease_journal import LeaseJournal
from tools.station.upload import upload, upload_uses

UNITS: Final = "/v1/units"
HEALTH: Final = "/healthz"
PROBE_S: Final = 2.0
FIRST_EPOCH: Final = 1


class StationFleet:
    """Answers what the bench asks. `fleet` should have little patience: the bench has another way."""

    def __init__(
        self,
        fleet: FleetClient,
        journal: Journal,
        leases: LeaseJournal,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._fleet = fleet
        self._journal = journal
        self._leases = leases
        self._now = now
        self._away = threading.Event()
        self._unheard = threading.Event()  # something may wait for an upload
        self._unheard.set()
        self.trouble = ""  # why the last upload did not go through, in words

    @property
    def in_reach(self) -> bool:
        """Whether the fleet answered last time."""
        return not self._away.is_set()

    def post(self, path: str, body: Any = None, *, repeatable: bool = False) -> Any:
        """The fleet's answer, or the station's own; AwaitingFleetError where only the fleet has one."""
        if path == UNITS:
            return self._allocate(body)
        return self._ask(path, body, repeatable)

    def probe(self) -> bool:
        """Ask whether the fleet is there; back in reach, send it what waits. False while it is away."""
        try:
            self._fleet.get(HEALTH)
            if self._unheard.is_set():
                self._unheard.clear()
                refused = upload(self._fleet, self._journal, self._leases).refused
                self.trouble = "; ".join(f"{serial}: {why}" for serial, why in refused.items())
        except UnreachableError:
            self._gone()
            return False
        except (ToolError, OSError) as error:  # a full disk must not end the thread that asks
            self.trouble = str(error)
        self._away.clear()
        return True

    def keep_in_touch(self, ended: threading.Event) -> None:
        """Probe until `ended`; for a thread of its own."""
        while not ended.is_set():
            self.probe()
            ended.wait(PROBE_S)

    def _gone(self) -> None:
        self._away.set()
        self._unheard.set()

    def _ask(self, path: str, body: Any, repeatable: bool) -> Any:
        if self.in_reach:
            try:
                return self._fleet.post(path, body, repeatable=repeatable)
            except UnreachableError:
                self._gone()
        raise AwaitingFleetError("no network: leave it on or put it on again later, it goes on by itself")

    def _allocate(self, body: dict[str, Any]) -> dict[str, Any]:
        uid = body["board_uid"]
        if self.in_reach:
            try:
                return self._allocated_by_fleet(body)
            except UnreachableError:
                self._gone()
        record = self._journal.load(uid)
        if record.serial:
            custody = "in_stock" if record.stocked else "made"
            return {
                "serial": record.serial,
                "mac": record.mac,
                "epoch": record.epoch,
                "custody": custody,
                "station": "",
            }
        if self._leases.asked(uid):
            raise AwaitingFleetError("no network, and the fleet may have given this board its number already: it waits")
        try:
            serial, mac = self._leases.use(body["board"], uid, body["hardware_revision"], self._now())
        except StationError as error:
            raise AwaitingFleetError(f"no network: {error}") from error
        return {"serial": serial, "mac": mac, "epoch": FIRST_EPOCH, "custody": "made", "station": ""}

    def _allocated_by_fleet(self, body: dict[str, Any]) -> dict[str, Any]:
        uid = body["board_uid"]
        lease = self._leases.lease_of(uid)
        if lease is not None:
            refused = upload_uses(self._fleet, self._leases, lease).refused
            why = next((refused[serial] for serial in refused if lease.uses[serial]["board_uid"] == uid), "")
            if why:
                raise StationError(f"the fleet refuses this board's number from the lease ({why}): set it aside")
        first = self._leases.ask(uid)
        try:
            answer: dict[str, Any] = self._fleet.post(UNITS, body, repeatable=True)
        except UnreachableError as error:
            if first and not error.sent:
                self._leases.not_asked(uid)
            raise
        return answer
