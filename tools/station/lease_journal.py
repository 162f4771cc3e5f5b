"""A station's leases on disk: slots taken along, what each was used for, and what the fleet knows of it.

One file a lease, `lease-REQUEST.json`, replaced whole at each change, so that a kill leaves the state before or after.

| field     | meaning                                                                                       |
|-----------|-----------------------------------------------------------------------------------------------|
| `request` | the station's own name of the lease, written down before the fleet is asked                   |
| `lease`   | the fleet's answer without its slots; empty until it came                                     |
| `slots`   | `[serial, base MAC]` in the order in which they are used                                      |
| `uses`    | by serial number: `board_uid`, `hardware_revision`, `used_at`, `outcome` (empty: not sent), `reason` |
| `closing` | true once the station has said that it uses no more of it; never false again                  |

`asked-BOARD` stands for a board whose serial number the fleet itself was asked for, with whatever answer.

Invariants: a slot is written down as used before a board is given it. A board has one slot, however often it is
asked for. After `closing` or the lease's end no slot is given.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tools.station.errors import StationError
from tools.station.journal import write_whole

ACCEPTED: Final = ("accepted", "unchanged")


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A lease as the station knows it."""

    request: str
    asked: dict[str, Any]
    lease: dict[str, Any] = field(default_factory=dict)
    slots: tuple[tuple[str, str], ...] = ()
    uses: dict[str, dict[str, Any]] = field(default_factory=dict)
    closing: bool = False
    settled: bool = False

    @property
    def id(self) -> str:
        """The fleet's name of the lease, empty until it answered."""
        return str(self.lease.get("id", ""))

    @property
    def unsent(self) -> list[str]:
        """The serial numbers whose use the fleet has not answered yet."""
        return [serial for serial, use in self.uses.items() if not use["outcome"]]

    @property
    def refused(self) -> dict[str, str]:
        """Why the fleet does not take a use, by serial number."""
        return {serial: use["reason"] for serial, use in self.uses.items() if use["outcome"] == "refused"}


class LeaseJournal:
    """The leases in `folder`, which only its owner may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def records(self) -> list[LeaseRecord]:
        """Every lease, the oldest first."""
        found = [self._load(path) for path in self._folder.glob("lease-*.json")]
        return sorted(found, key=lambda record: (record.lease.get("taken_at", "~"), record.request))

    def find(self, lease: str) -> LeaseRecord:
        """The lease of that id; StationError where the station holds none: its uses would be unknown."""
        for record in self.records():
            if record.id == lease:
                return record
        raise StationError(f"{self._folder} holds no lease {lease}; name the folder of the station that took it")

    def begin(self, request: str, asked: dict[str, Any]) -> LeaseRecord:
        """Write down that a lease is about to be asked for."""
        return self._store(LeaseRecord(request, asked))

    def taken(self, record: LeaseRecord, answer: dict[str, Any]) -> LeaseRecord:
        """Write down what the fleet gave; once: asked twice at a time, its slots may be in use at the second answer."""
        slots = tuple((slot["serial"], slot["mac"]) for slot in answer["slots"])
        facts = {name: value for name, value in answer.items() if name != "slots"}
        with self._held():
            known = next((each for each in self.records() if each.request == record.request and each.lease), None)
            return known or self._store(replace(record, lease=facts, slots=slots))

    def use(self, board: str, board_uid: str, hardware_revision: int, now: datetime) -> tuple[str, str]:
        """(serial, base MAC) for a board: the same as before if it has one, else the next slot, safe on disk."""
        with self._held():
            records = [record for record in self.records() if record.lease]
            for record in records:
                for serial, mac in record.slots:
                    if record.uses.get(serial, {}).get("board_uid") == board_uid:
                        return serial, mac
            for record in records:
                ended = record.closing or now >= datetime.fromisoformat(record.lease["expires_at"])
                free = [slot for slot in record.slots if slot[0] not in record.uses]
                if ended or not free or record.lease["board"] != board:
                    continue
                use = {
                    "board_uid": board_uid,
                    "hardware_revision": hardware_revision,
                    "used_at": now.isoformat(),
                    "outcome": "",
                    "reason": "",
                }
                self._store(replace(record, uses={**record.uses, free[0][0]: use}))
                return free[0]
        raise StationError(f"no lease for board {board!r} has a slot left that may be used; `plugtone mac lease take`")

    def lease_of(self, board_uid: str) -> LeaseRecord | None:
        """The lease of which that board has a slot."""
        for record in self.records():
            if any(use["board_uid"] == board_uid for use in record.uses.values()):
                return record
        return None

    def ask(self, board_uid: str) -> bool:
        """Write down that the fleet is asked for this board's number: no slot is used for it. False: it was before."""
        path = self._folder / f"asked-{board_uid}"
        if path.exists():
            return False
        write_whole(path, b"")
        return True

    def not_asked(self, board_uid: str) -> None:
        """The question written down last did not leave this machine."""
        (self._folder / f"asked-{board_uid}").unlink(missing_ok=True)

    def asked(self, board_uid: str) -> bool:
        """Whether the fleet was ever asked for this board's number."""
        return (self._folder / f"asked-{board_uid}").exists()

    def answered(self, record: LeaseRecord, answers: list[dict[str, Any]]) -> LeaseRecord:
        """Write down what the fleet said to some uses."""
        with self._held():
            record = self.find(record.id)
            uses = dict(record.uses)
            for answer in answers:
                serial = answer["serial"]
                uses[serial] = {**uses[serial], "outcome": answer["outcome"], "reason": answer["reason"]}
            return self._store(replace(record, uses=uses))

    def close(self, record: LeaseRecord) -> LeaseRecord:
        """From here on no slot of the lease is used."""
        with self._held():
            return self._store(replace(self.find(record.id), closing=True))

    def settled(self, record: LeaseRecord) -> LeaseRecord:
        """The fleet has taken back what was left."""
        with self._held():
            return self._store(replace(self.find(record.id), settled=True))

    def _load(self, path: Path) -> LeaseRecord:
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            slots = tuple((serial, mac) for serial, mac in facts.pop("slots"))
            return LeaseRecord(**facts, slots=slots)
        except (ValueError, TypeError, KeyError) as error:
            raise StationError(f"{path} is no lease of this station ({error}); move it away") from error

    def _store(self, record: LeaseRecord) -> LeaseRecord:
        path = self._folder / f"lease-{record.request}.json"
        write_whole(path, json.dumps(asdict(record), indent=1).encode())
        return record

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Several ports of one station draw from the same slots: one after the other."""
        with (self._folder / "leases.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
