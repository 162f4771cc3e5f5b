"""`plugtone bench`: each figure as a ratio to a named baseline that ran in turn with it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from tools.bench import delta_size, delta_speed, minor_release, plug_in, update_stream, voice, wire
from tools.bench.delta_size import DeltaSizes
from tools.bench.ratio import MIN_ROUNDS, Ratio


def bench(
    rounds: Annotated[int, typer.Option(min=MIN_ROUNDS, help="Rounds of each pair.")] = 7,
    starts: Annotated[int, typer.Option(min=1, help="Cold starts of the simulated board.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the wire, deltas, a call's sound, and a unit's way from power to the fleet's configuration.

    Example: plugtone bench --rounds 9
    """
    sizes: list[DeltaSizes] = []
    with tempfile.TemporaryDirectory() as directory:
        scripted = minor_release.pairs(Path(directory, "scripted"))
        if delta_size.can_compare():
            sizes = delta_size.run([*scripted, *minor_release.past_pairs(Path(directory, "past"))])
    speeds = [ratio for pair in scripted for ratio in delta_speed.run(pair, rounds)]
    ratios = [*wire.run(rounds), *speeds, *update_stream.run(rounds), *voice.run(rounds), plug_in.run(starts)]
    if as_json:
        typer.echo(json.dumps([*map(asdict, ratios), *map(_as_dict, sizes)], indent=1))
        return
    _show(ratios, sizes)


def _as_dict(sizes: DeltaSizes) -> dict[str, object]:
    return {
        "pair": sizes.pair,
        "image_bytes": sizes.image_bytes,
        "delta_bytes": sizes.delta_bytes,
        "made_s": sizes.made_s,
        "others": dict(sizes.others),
        "to_best": sizes.to_best,
    }


def _show(ratios: Sequence[Ratio], sizes: Sequence[DeltaSizes]) -> None:
    table = Table("Subject", "µs", "Baseline", "µs", "Ratio", "Rounds", title="Medians of rounds run in turn")
    for each in ratios:
        figures = (f"{each.subject_us:,.2f}", each.reference, f"{each.reference_us:,.2f}", f"{each.ratio:.2f}")
        table.add_row(each.subject, *figures, str(each.rounds))
    Console().print(table)
    if not sizes:
        Console().print("Sizes of deltas are left out: make bench could not install what they are held against.")
        return
    # A row for each figure: there are more ways to make a delta than 80 columns hold.
    table = Table(title="Bytes of deltas", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Pair", no_wrap=True)
    for row in sizes:
        table.add_column(row.pair.replace("..", "\n"), justify="right", no_wrap=True)
    table.add_row("the image", *(f"{row.image_bytes:,}" for row in sizes))
    table.add_row("our delta", *(f"{row.delta_bytes:,}" for row in sizes), end_section=True)
    for name in delta_size.OTHERS:
        table.add_row(name, *(f"{row.others[name]:,}" for row in sizes))
    table.add_section()
    table.add_row("ours to shortest", *(f"{row.to_best:.2f}" for row in sizes))
    table.add_row("ours made in s", *(f"{row.made_s:.1f}" for row in sizes))
    Console().print(table)
