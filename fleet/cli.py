"""`plugtone serve`: the fleet service on this machine."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fleet.settings import SettingsError, read_settings

serve = typer.Typer(add_completion=False)

_LABELS = {"console": "console", "api": "API", "updates": "updates", "broker": "broker", "time": "time"}


@serve.callback(invoke_without_command=True)
def run(
    data: Annotated[Path | None, typer.Option(help="Where the service keeps everything.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say that it is ready as one line of JSON.")] = False,
) -> None:
    """Run the fleet service until SIGTERM or Ctrl-C: API and console, broker, gateway, jobs, time server.

    Settings are PLUGTONE_* variables; the first start makes keys, certificates and the database.

    Example: plugtone serve --data /var/lib/plugtone
    """
    from fleet.domain.errors import FleetError  # noqa: PLC0415 - help and completion must not wait for imports
    from fleet.serve.service import Started  # noqa: PLC0415
    from fleet.serve.service import run as run_service  # noqa: PLC0415
    from fleet.serve.supervisor import StartError  # noqa: PLC0415

    def announce(started: Started) -> None:
        text = json.dumps({"ready": True, **started.public(), "setup_link": started.setup_link})
        typer.echo(text if as_json else _for_people(started))
        sys.stdout.flush()

    def _for_people(started: Started) -> str:
        lines = [f"Plugtone is ready after {started.seconds:.1f} s."]
        lines += [f"  {_LABELS[name]:<8} {address}" for name, address in started.addresses.items()]
        if started.setup_link:
            lines.append(f"Nobody is admin yet. Open this link once to become it: {started.setup_link}")
        return "\n".join(lines)

    try:
        settings = read_settings()
        run_service(replace(settings, data_dir=data) if data else settings, announce)
    except (SettingsError, StartError, FleetError, OSError) as error:
        if as_json:
            typer.echo(json.dumps({"ready": False, "error": str(error)}))
        typer.echo(f"plugtone serve: {error}", err=True)
        raise typer.Exit(1) from error
