"""An operator's list of units is taken in, all or nothing unless told otherwise; the inventory goes out as CSV.

- Nobody is told anything while the inventory's lock is held: a slow reader of the report stops no station.
- All or nothing: every row is judged without the lock first; then, under it, judged again and written in one go.
- In parts: each batch is judged and written by itself; a cut leaves whole batches, and the same file goes on.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
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
    """A row that was accepted is refused under the lock."""

    def __init__(self, report: RowReport) -> None:
        super().__init__(f"line {report.line} {report.reason}")
        self.report = report


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
        try:
            for reports in self._judged(actor, file, mode):
                for report in reports:
                    counts[report.outcome] += 1
                    yield report
                written += sum(report.outcome is Outcome.ACCEPTED for report in reports)
            if mode is ImportMode.WHOLE and not counts[Outcome.REFUSED]:
                self._write_whole(actor, file)
            elif mode is not ImportMode.PARTIAL:
                written = 0
        except FleetError as stopped:
            error = str(stopped)
            written = written if mode is ImportMode.PARTIAL else 0
        yield Summary(counts[Outcome.ACCEPTED], counts[Outcome.UNCHANGED], counts[Outcome.REFUSED], written, error)

    def _judged(self, actor: Actor, file: UnitListFile, mode: ImportMode) -> Iterator[list[RowReport]]:
        judge = Judge()
        for batch in _batches(file.rows()):
            if mode is ImportMode.PARTIAL:
                with self._transactions.begin(actor) as uow:
                    reports = _take_in(uow, judge, batch)
                    uow.commit()
            else:
                with self._transactions.read(actor) as uow:
                    reports = _judge(uow, judge, batch)[0]
            yield reports

    def _write_whole(self, actor: Actor, file: UnitListFile) -> None:
        judge = Judge()
        with self._transactions.begin(actor) as uow:
            for batch in _batches(file.rows()):
                for report in _take_in(uow, judge, batch):
                    if report.outcome is Outcome.REFUSED:
                        raise RowChangedError(report)
            uow.commit()

    def _export(self, actor: Actor) -> Iterator[str]:
        yield _csv([EXPORT_COLUMNS])
        after = ""
        while True:
            with self._transactions.read(actor) as uow:
                lines = UnitImportRepository(uow).inventory(after, BATCH_ROWS)
            if not lines:
                return
            yield _csv(map(_cells, lines))
            after = lines[-1].unit.serial


def _batches(rows: Iterator[ImportRow | RowReport]) -> Iterator[Rows]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _judge(uow: UnitOfWork, judge: Judge, batch: Rows) -> tuple[list[RowReport], list[ImportRow], Known]:
    rows = [row for row in batch if isinstance(row, ImportRow)]
    known = UnitImportRepository(uow).known(rows, MacBlockRepository(uow).all_ranges())
    reports = [judge.judge(row, known) if isinstance(row, ImportRow) else row for row in batch]
    accepted = {report.line for report in reports if report.outcome is Outcome.ACCEPTED}
    return reports, [row for row in rows if row.line in accepted], known


def _take_in(uow: UnitOfWork, judge: Judge, batch: Rows) -> list[RowReport]:
    """Judge a batch and write what of it is accepted; the caller commits."""
    MacAddressRepository(uow).lock()
    reports, accepted, known = _judge(uow, judge, batch)
    UnitImportRepository(uow).add(accepted, known)
    if accepted:
        uow.audit(AuditAction.UNIT_IMPORT, f"{accepted[0].serial}+{len(accepted) - 1}", ["serial", "mac"])
    return reports


def _csv(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)  # RFC 4180, 2
    return text.getvalue()


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
