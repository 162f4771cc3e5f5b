"""An operator's list of units is taken in, all or nothing unless told otherwise; the inventory goes out as CSV.

- Nobody is told anything while the inventory's lock is held: a slow reader of the report stops no station.
- All or nothing: every row is judged without the lock first; then, under it, judged again and written in one go.
  It holds other writers up for about 5 s of CPU for 100,000 rows; in parts, for some 50 ms a batch.
- In parts: each batch is judged and written by itself; a cut leaves whole batches, and the same file goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import BinaryIO, Final

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import FleetError
from fleet.domain.import_judgement import Judge, Known
from fleet.domain.lease import Outcome
from fleet.domain.references import Noun, refer
from fleet.domain.unit import unseen_board_uid
from fleet.domain.unit_import import EXPORT_ONLY, Column, ImportRow, RowReport, safe_cell
from fleet.services.csv_text import csv_text
from fleet.services.mac_blocks import require_inventory
from fleet.services.unit_list_file import UnitListFile
from fleet.store.mac_addresses import MacAddressRepository
from fleet.store.mac_blocks import MacBlockRepository
from fleet.store.unit_imports import BATCH_ROWS, InventoryLine, UnitImportRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork

EXPORT_COLUMNS: Final = (*Column, *EXPORT_ONLY)
Rows = Sequence[ImportRow | RowReport]


class ImportMode(StrEnum):
    """What is written: nothing, all rows or none, or the rows that are accepted."""

    DRY_RUN = "dry_run"
    WHOLE = "whole"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Summary:
    """The last word of an import; `written` of the accepted rows are units now, `error` says why it ended early."""

    accepted: int
    unchanged: int
    refused: int
    written: int
    error: str = ""


class RowChangedError(FleetError):
    """A row that was accepted is not any more under the lock: somebody else was faster."""

    code = "conflict"

    def __init__(self, report: RowReport) -> None:
        super().__init__(f"line {report.line} was {report.outcome} when it was written ({report.reason}); try again")


class UnitImports:
    """The operator's inventory as a file, in and out."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def begin(self, actor: Actor, file: BinaryIO, mode: ImportMode) -> Iterator[RowReport | Summary]:
        """A report for each row as it is judged, then the summary; InvalidError at once for what is no list of units.

        `file` can be read twice, from where it stands.
        """
        require_inventory(actor, Permission.MAC_MANAGE)
        return self._run(actor, UnitListFile(file), mode)

    def export(self, actor: Actor) -> Iterator[str]:
        """The inventory as CSV, in pieces of many lines; what an import reads comes first."""
        require_inventory(actor, Permission.MAC_MANAGE)
        return self._export(actor)

    def _run(self, actor: Actor, file: UnitListFile, mode: ImportMode) -> Iterator[RowReport | Summary]:
        counts, written, error = dict.fromkeys(Outcome, 0), 0, ""
        accepted: list[ImportRow] = []  # read once: parsing is half the work and nobody waits for it here
        try:
            for reports, rows in self._judged(actor, file, mode):
                for report in reports:
                    counts[report.outcome] += 1
                    yield report
                if mode is ImportMode.PARTIAL:
                    written += len(rows)
                elif mode is ImportMode.WHOLE:
                    accepted += rows
            if accepted and not counts[Outcome.REFUSED]:
                written += self._write_whole(actor, accepted)
        except FleetError as stopped:
            error = str(stopped)
        yield Summary(counts[Outcome.ACCEPTED], counts[Outcome.UNCHANGED], counts[Outcome.REFUSED], written, error)

    def _judged(
        self, actor: Actor, file: UnitListFile, mode: ImportMode
    ) -> Iterator[tuple[list[RowReport], list[ImportRow]]]:
        """Each batch's reports and the rows of it that were accepted; in PARTIAL they are written."""
        judge = Judge()
        for batch in _batches(file.rows()):
            if mode is ImportMode.PARTIAL:
                with self._transactions.begin(actor) as uow:
                    found = _take_in(uow, judge, batch)
                    uow.commit()
            else:
                with self._transactions.read(actor) as uow:
                    found = _judge(uow, judge, batch)[:2]
            yield found

    def _write_whole(self, actor: Actor, rows: Sequence[ImportRow]) -> int:
        judge = Judge()
        with self._transactions.begin(actor) as uow:
            for batch in _batches(iter(rows)):
                for report in _take_in(uow, judge, batch)[0]:
                    if report.outcome is not Outcome.ACCEPTED:
                        raise RowChangedError(report)
            uow.commit()
        return len(rows)

    def _export(self, actor: Actor) -> Iterator[str]:
        yield csv_text([EXPORT_COLUMNS])
        after = ""
        while True:
            with self._transactions.read(actor) as uow:
                lines = UnitImportRepository(uow).inventory(after, BATCH_ROWS)
            if not lines:
                return
            yield csv_text(map(_cells, lines))
            after = lines[-1].unit.serial


def _batches(rows: Iterator[ImportRow | RowReport] | Iterator[ImportRow]) -> Iterator[Rows]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _judge(uow: UnitOfWork, judge: Judge, batch: Rows) -> tuple[list[RowReport], list[ImportRow], Known]:
    rows = [row for row in batch if isinstance(row, ImportRow)]
    known = UnitImportRepository(uow).known(rows, MacBlockRepository(uow).all_ranges())
    reports = [judge.judge(row, known) if isinstance(row, ImportRow) else row for row in batch]
    accepted = {report.line for report in reports if report.outcome is Outcome.ACCEPTED}
    return reports, [row for row in rows if row.line in accepted], known


def _take_in(uow: UnitOfWork, judge: Judge, batch: Rows) -> tuple[list[RowReport], list[ImportRow]]:
    """Judge a batch and write what of it is accepted; the caller commits."""
    MacAddressRepository(uow).lock()
    reports, accepted, known = _judge(uow, judge, batch)
    UnitImportRepository(uow).add(accepted, known)
    if accepted:
        uow.audit(AuditAction.UNIT_IMPORT, f"{accepted[0].serial}+{len(accepted) - 1}", ["serial", "mac"])
    return reports, accepted


def _cells(line: InventoryLine) -> list[str]:
    unit, base = line.unit, line.addresses[:1]
    unseen = unit.board_uid == unseen_board_uid(unit.serial)
    cells = [
        unit.serial,
        str(unit.mac),
        " ".join(str(each.mac) for each in line.addresses[1:]),
        unit.board,
        str(unit.hardware_revision),
        unit.condition,
        unit.ownership,
        "" if unseen else unit.board_uid.hex(),
        unit.custody,
        unit.trust,
        "" if unit.account_id is None else refer(Noun.ACCOUNT, unit.account_id),
        str(unit.epoch),
        refer(Noun.MAC_BLOCK, base[0].block_id) if base else "",
        line.made_at.isoformat(timespec="seconds"),
    ]
    return [safe_cell(cell) for cell in cells]
