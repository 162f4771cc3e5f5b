"""Whether the fleet takes the unit of an imported row: pure, against what is known and what the file said before.

- A row the fleet knows already, word for word, changes nothing: an import may be repeated.
- Condition is not compared: it lives on, the list does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fleet.domain.lease import Outcome
from fleet.domain.mac_address import AddressRecord, AddressState
from fleet.domain.unit import Custody, Unit
from fleet.domain.unit_import import ImportRow, RowReport
from protocol.wire.mac import MacAddress

NEVER_LEFT = frozenset({Custody.MADE, Custody.CERTIFIED, Custody.IN_STOCK})  # from then on an order says whose


@dataclass(frozen=True, slots=True)
class Known:
    """What the fleet has of what some rows name.

    `units` and `tied` (the addresses of a serial number, the base MAC first) by serial number, `owners` by MAC as a
    number, `boards` serial numbers by board uid. `block_of`: the block an address lies in, None outside of all.
    """

    units: Mapping[str, Unit]
    tied: Mapping[str, tuple[AddressRecord, ...]]
    owners: Mapping[int, AddressRecord]
    boards: Mapping[bytes, str]
    block_of: Callable[[int], int | None]


@dataclass(slots=True)
class Judge:
    """Judges one file's rows in their order, and remembers which line named what."""

    _serials: dict[str, int] = field(default_factory=dict)
    _macs: dict[MacAddress, int] = field(default_factory=dict)
    _boards: dict[bytes, int] = field(default_factory=dict)

    def judge(self, row: ImportRow, known: Known) -> RowReport:
        """What becomes of the row."""
        reason = self._twice(row)
        unit = known.units.get(row.serial)
        if not reason:
            reason = _new(row, known) if unit is None else _difference(row, unit, known)
        if reason:
            return RowReport(row.line, row.serial, Outcome.REFUSED, reason)
        self._remember(row)
        return RowReport(row.line, row.serial, Outcome.ACCEPTED if unit is None else Outcome.UNCHANGED)

    def _twice(self, row: ImportRow) -> str:
        line = self._serials.get(row.serial)
        if line is not None:
            return f"line {line} has {row.serial} already"
        for mac in row.macs:
            line = self._macs.get(mac)
            if line is not None:
                return f"line {line} has {mac} already"
        line = None if row.board_uid is None else self._boards.get(row.board_uid)
        return "" if line is None or row.board_uid is None else f"line {line} has board {row.board_uid.hex()} already"

    def _remember(self, row: ImportRow) -> None:
        self._serials[row.serial] = row.line
        self._macs.update(dict.fromkeys(row.macs, row.line))
        if row.board_uid is not None:
            self._boards[row.board_uid] = row.line


def records_of(row: ImportRow, known: Known) -> list[AddressRecord]:
    """The records of an accepted row's addresses."""
    found = []
    for position, mac in enumerate(row.macs):
        block_id = known.block_of(int(mac))
        if block_id is None:
            raise ValueError(f"{mac} lies in no block; judge the row first")
        found.append(AddressRecord(mac, block_id, AddressState.GIVEN, row.serial, position))
    return found


def _new(row: ImportRow, known: Known) -> str:
    """Why no new unit can be made of the row; empty if one can."""
    tied = known.tied.get(row.serial)
    if tied:
        return f"serial number {row.serial} is {tied[0].state}, with {tied[0].mac}"
    for mac in row.macs:
        if known.block_of(int(mac)) is None:
            return f"{mac} lies in no block of ours; load its block first"
        owner = known.owners.get(int(mac))
        if owner is not None:
            return f"{mac} is {owner.state}, with {owner.serial}"
    other = None if row.board_uid is None else known.boards.get(row.board_uid)
    return "" if other is None or row.board_uid is None else f"board {row.board_uid.hex()} is {other} already"


def _difference(row: ImportRow, unit: Unit, known: Known) -> str:
    """In what the row contradicts the unit the fleet knows by that serial number; empty if in nothing."""
    macs = tuple(each.mac for each in known.tied.get(unit.serial, ()))
    facts = [
        ("MAC addresses", " ".join(map(str, macs)), " ".join(map(str, row.macs))),
        ("board", unit.board, row.board),
        ("hardware revision", unit.hardware_revision, row.hardware_revision),
        ("ownership", unit.ownership, row.ownership if unit.custody in NEVER_LEFT else unit.ownership),
        ("board uid", unit.board_uid, unit.board_uid if row.board_uid is None else row.board_uid),
    ]
    for name, have, want in facts:
        if have != want:
            shown = (have.hex(), want.hex()) if isinstance(have, bytes) and isinstance(want, bytes) else (have, want)
            return f"{row.serial} is known with {name} {shown[0]}, the row says {shown[1]}"
    return ""
