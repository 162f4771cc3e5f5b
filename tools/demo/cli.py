"""`plugtone demo`: the story on one machine; `--stay` keeps everything up afterwards."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from tools.demo.narrator import Narrator
from tools.demo.story import COLUMNS, opened_world, tell
from tools.errors import ToolError
from tools.sim.folder import SimulationError


def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Keep the service and the adapters up until Ctrl-C.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Keep everything here; else it is deleted at the end.")] = None,
    chaos: Annotated[int | None, typer.Option(help="Kill parts with SIGKILL at moments drawn from this seed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end in place of the story.")] = False,
) -> None:
    """Tell the whole story with real parts: flash, plug in, update, fail safely, replace. Leaves nothing running.

    Exit status 0 only if every step was observed.

    Example: plugtone demo --stay
    """
    narrator = Narrator(as_json)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    rows: list[dict[str, Any]] = []
    measured: dict[str, list[Any]] = {}
    try:
        with opened_world(narrator, folder) as world:
            measured = world.measured
            rows = tell(world, chaos)
            if stay:
                console = world.service.ready["addresses"]["console"]
                email, password = world.people.admin.email, world.people.admin.password
                typer.echo(f"\nThe console is at {console}; sign in as {email} with {password}. Ctrl-C ends it.")
                signal.pause()
    except KeyboardInterrupt:
        if not stay:
            raise typer.Exit(1) from None
    except (ToolError, SimulationError, RuntimeError, OSError) as error:
        if not narrator.steps or not narrator.steps[-1].error:
            typer.echo(f"plugtone demo: {error}", err=True)
    narrator.summary(rows, COLUMNS, measured)
    if not narrator.all_observed:
        raise typer.Exit(1)
