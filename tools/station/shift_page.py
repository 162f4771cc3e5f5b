"""The report of a shift as a page for people and as CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from html import escape
from typing import Final

from tools.station.provision import STEPS
from tools.station.shift import Event, Report

COLUMNS: Final = ("at", "shift", "operator", "port", "serial", "board_uid", "state", "step", "reason", "seconds")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.3rem .8rem .3rem 0;"
    "border-bottom:1px solid #ccc}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".big{font-size:2.4rem;font-weight:700}.figures{display:flex;gap:3rem;flex-wrap:wrap}"
)


def csv_of(events: Iterable[Event]) -> str:
    """A row an event, with the seconds of each step; what a spreadsheet would take for a formula begins with `'`."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow([*COLUMNS, *(f"{step}_s" for step in STEPS)])
    for event in events:
        rows.writerow(
            [*(_cell(getattr(event, name)) for name in COLUMNS), *(event.took_s.get(step, "") for step in STEPS)]
        )
    return out.getvalue()


def page_of(report: Report) -> str:
    """The page, whole in itself: no script, nothing from elsewhere."""
    figures = (
        ("Units done", str(report.done)),
        ("Yield", f"{report.yield_percent} %"),
        ("At the first try", f"{report.first_yield_percent} %"),
        ("Failed", str(report.failed)),
        ("Waiting for the fleet", str(report.waiting)),
    )
    head = "".join(f'<div><div class="big">{escape(value)}</div>{escape(name)}</div>' for name, value in figures)
    reasons = [(reason, str(times)) for reason, times in report.reasons] or [("nothing failed", "")]
    steps = [(each.step, f"{each.median_s:.2f}", f"{each.p90_s:.2f}", str(each.times)) for each in report.steps]
    who = ", ".join(report.operators) or "nobody signed in"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Shift of {escape(report.begun)}</title>'
        f"<style>{_STYLE}</style><h1>Shift report</h1>"
        f"<p>{escape(report.begun)} to {escape(report.ended)}; operators: {escape(who)}; {report.boards} boards</p>"
        f'<div class="figures">{head}</div>'
        f"<h2>Why boards failed</h2>{_table(('Reason', 'Times'), reasons)}"
        f"<h2>Seconds a step</h2>{_table(('Step', 'Median', '90 % within', 'Units'), steps)}</html>\n"
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...], tag: str) -> str:
        kinds = ["", *([' class="n"'] * (len(cells) - 1))]
        inside = "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))
        return f"<tr>{inside}</tr>"

    return f"<table>{line(heads, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
