"""`plugtone serve`: the fleet service on this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet.settings import read_settings

if TYPE_CHECKING:
    from fleet.serve.service import Started


def serve(
    data: Annotated[Path | None, typer.Option(help="Where the service keeps everything.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say that it is ready as one line of JSON.")] = False,
) -> None:
    """Run the fleet service until SIGTERM or Ctrl-C: API and console, broker, gateway, jobs, time server.

    Settings are PLUGTONE_* variables; the first start makes keys, certificates and the database.

    Example: plugtone serve --data /var/lib/plugtone
    """
    from fleet.serve.service import run  # noqa: PLC0415 - help must not wait for the imports of a service

    settings = read_settings()
    run(replace(settings, data_dir=data) if data else settings, _print_json if as_json else _print_lines)


def _print_json(started: Started) -> None:
    _print(json.dumps({"ready": True, **started.public(), "setup_link": started.setup_link}))


def _print_lines(started: Started) -> None:
    lines = [f"Plugtone is ready after {started.seconds:.1f} s."]
    lines += [f"  {name:<8} {address}" for name, address in started.addresses.items()]
    if started.setup_link:
        lines.append(f"Nobody is admin yet. Open this link once to become it: {started.setup_link}")
    _print("\n".join(lines))


def _print(text: str) -> None:
    typer.echo(text)
    typer.get_text_stream("stdout").flush()
