"""`plugtone bench`: each figure as a ratio to a named baseline that ran in turn with it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tools.bench import plug_in, wire
from tools.bench.ratio import MIN_ROUNDS


def bench(
    rounds: Annotated[int, typer.Option(min=MIN_ROUNDS, help="Rounds of each pair.")] = 7,
    starts: Annotated[int, typer.Option(min=1, help="Cold starts of the simulated board.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the wire on this host and a unit's way from power to the fleet's configuration.

    Example: plugtone bench --rounds 9
    """
    ratios = [*wire.run(rounds), plug_in.run(starts)]
    if as_json:
        typer.echo(json.dumps([asdict(ratio) for ratio in ratios], indent=1))
        return
    table = Table("Subject", "µs", "Baseline", "µs", "Ratio", "Rounds", title="Medians of rounds run in turn")
    for each in ratios:
        figures = (f"{each.subject_us:,.2f}", each.reference, f"{each.reference_us:,.2f}", f"{each.ratio:.2f}")
        table.add_row(each.subject, *figures, str(each.rounds))
    Console().print(table)
