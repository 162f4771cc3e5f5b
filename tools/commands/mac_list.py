"""`plugtone mac import` and `export`: the operator's own list of units, in and out."""

from __future__ import annotations

import csv
import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import Progress

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, OutputOption, write_out
from tools.errors import ToolError

MAX_REFUSALS_SHOWN: Final = 50
REPORT_COLUMNS: Final = ("line", "serial", "outcome", "reason")
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")


def import_units(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV in UTF-8; its first row names the columns.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge every row, change nothing.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Take the good rows, leave the others.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write what becomes of each row here, as CSV.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Take in a list of units that exist: all rows or none, unless --partial. It may be repeated.

    Columns: serial, mac, board, hardware_revision; further_macs, condition, ownership, board_uid if you like.

    Example: plugtone mac import units.csv --dry-run --report report.csv
    """
    if dry_run and partial:
        raise ToolError("--dry-run changes nothing, --partial does; give one of them")
    mode = "dry_run" if dry_run else "partial" if partial else "whole"
    counts: Counter[str] = Counter()
    summary: dict[str, Any] | None = None
    with ExitStack() as held:
        fleet = held.enter_context(FleetClient.from_environment())
        file = held.enter_context(path.open("rb"))
        rows = sum(1 for _ in file) - 1
        file.seek(0)
        table = None if report is None else csv.writer(held.enter_context(report.open("w", newline="")))
        if table is not None:
            table.writerow(REPORT_COLUMNS)
        bar = held.enter_context(Progress(console=Console(stderr=True), transient=True))
        task = bar.add_task(path.name, total=max(rows, 1))
        for facts in fleet.upload_lines("/v1/unit-imports", file, path.name, mode=mode):
            summary = facts.get("summary")
            if as_json:
                typer.echo(json.dumps(facts))
            if summary is None:
                counts[facts["outcome"]] += 1
                bar.advance(task)
                _report(facts, counts, table, as_json)
    _finish(summary, mode, as_json)


def export_units(output: OutputOption = None) -> None:
    """Write every unit with its addresses as CSV, which `import` reads again.

    Example: plugtone mac export --output inventory.csv
    """
    with FleetClient.from_environment() as fleet:
        write_out(fleet.download_pieces("/v1/inventory"), output)


def _report(facts: dict[str, Any], counts: Counter[str], table: Any, as_json: bool) -> None:
    if table is not None:
        table.writerow([_safe(str(facts[column])) for column in REPORT_COLUMNS])
    if facts["outcome"] == "refused" and not as_json and counts["refused"] <= MAX_REFUSALS_SHOWN:
        typer.echo(f"line {facts['line']}, {facts['serial'] or 'no serial number'}: {facts['reason']}", err=True)


def _finish(summary: dict[str, Any] | None, mode: str, as_json: bool) -> None:
    if summary is None:
        raise ToolError("the answer was cut off; run the same command again: what is there already is left alone")
    if not as_json:
        facts = ", ".join(f"{summary[name]} {name}" for name in ("accepted", "unchanged", "refused", "written"))
        typer.echo(facts + (" (dry run)" if mode == "dry_run" else ""))
    if summary["error"]:
        raise ToolError(f"the import ended early: {summary['error']}; {summary['written']} units were written")
    if summary["refused"]:
        kept = "the others were taken" if mode == "partial" else "nothing was changed"
        raise ToolError(f"{summary['refused']} rows are refused; {kept}")


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
