"""`plugtone demo`: the story on one machine; `--stay` keeps everything up afterwards."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from tools.demo.narrator import Narrator
from tools.demo.story import COLUMNS, opened_world, tell
from tools.demo.world import World
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
    signal.signal(signal.SIGTERM, _interrupt)
    rows: list[dict[str, Any]] = []
    measured: dict[str, list[Any]] = {}
    try:
        with opened_world(narrator, folder) as world:
            measured = world.measured
            rows = tell(world, chaos)
            if stay:
                narrator.summary(rows, COLUMNS, measured)
                _stay(world)
                return
    except KeyboardInterrupt:
        raise typer.Exit(0 if stay and narrator.all_observed else 1) from None
    except (ToolError, SimulationError, RuntimeError, OSError) as error:
        if not narrator.steps or not narrator.steps[-1].error:
            typer.echo(f"plugtone demo: {error}", err=True)
    narrator.summary(rows, COLUMNS, measured)
    if not narrator.all_observed:
        raise typer.Exit(1)


def _stay(world: World) -> None:
    """Say where the console is, and wait for a signal."""
    admin = world.people.admin
    console = world.service.ready["addresses"]["console"]
    typer.echo(f"\nThe console is at {console}; sign in as {admin.email} with {admin.password}. Ctrl-C ends it.")
    typer.get_text_stream("stdout").flush()
    signal.pause()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the story in order, as Ctrl-C does."""
    raise KeyboardInterrupt
