"""What a command prints: JSON for programs, a table or a list of facts for people, a file as the fleet has it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

JsonOption = Annotated[bool, typer.Option("--json", help="Print the fleet's answer as JSON.")]

OutputOption = Annotated[Path | None, typer.Option(help="The file to write; without it, standard output.")]

Facts = Mapping[str, Any]


def show_list(items: Iterable[Facts], columns: Sequence[str], as_json: bool) -> None:
    """A list: one JSON array, or a table of `columns` (names of fields, dots for fields of fields)."""
    found = list(items)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table(*(column.replace("_", " ").replace(".", " ") for column in columns), box=box.SIMPLE)
    for item in found:
        table.add_row(*(_text(_field(item, column)) for column in columns))
    _console().print(table)


def show_one(item: Facts, as_json: bool) -> None:
    """One thing: a JSON object, or a line for each of its facts."""
    if as_json:
        typer.echo(json.dumps(item, indent=2))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _flat(item):
        table.add_row(name.replace("_", " "), _text(value))
    _console().print(table)


def write_out(pieces: Iterable[bytes], output: Path | None, mode: int = 0o666) -> None:
    """A long answer as it comes, to standard output or to a file, which is there whole or as it was.

    `mode`: of a new file, less the umask.
    """
    if output is None:
        for piece in pieces:
            typer.echo(piece, nl=False)
        return
    fresh = output.with_name(f".{output.name}.new")
    fresh.unlink(missing_ok=True)  # of a run that was cut off: its mode is not ours
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(output)


def dollars(cents: int) -> str:
    """An amount as people write it."""
    return f"${cents // 100:,}.{cents % 100:02d}"


def _console() -> Console:
    # Piped into a file or another program a table keeps its width.
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=200)


def _field(item: Any, path: str) -> Any:
    for name in path.split("."):
        item = item.get(name) if isinstance(item, Mapping) else None
    return item


def _flat(item: Facts, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in item.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} ")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for number, each in enumerate(value, start=1):
                yield f"{prefix}{name} {number}", ", ".join(f"{key} {_text(fact)}" for key, fact in each.items())
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)
