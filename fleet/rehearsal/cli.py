"""`plugtone sim fleet`: a rollout rehearsed over a simulated fleet."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fleet.rehearsal.fleet import Ending, Progress

FAILED = 1


def fleet(
    scenario: Annotated[Path, typer.Option(help="The scenario's TOML file; docs/scenarios has some.")],
    units: Annotated[int | None, typer.Option(min=1, help="How many units, in place of the scenario's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another course of chance than the scenario's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")] = False,
) -> None:
    """Roll a release out to a simulated fleet, with the fleet's own services and time that runs fast.

    Exit status: 0 if it ended as the scenario expects, 1 if not, 2 for wrong usage. Nothing is kept.

    Example: plugtone sim fleet --units 100000 --scenario docs/scenarios/two-points.toml
    """
    from fleet.rehearsal.fleet import Rehearsal  # noqa: PLC0415 - help must not wait for the imports of a service
    from fleet.rehearsal.scenario import ScenarioError, read_scenario  # noqa: PLC0415

    try:
        found = read_scenario(scenario, units=units, seed=seed)
    except ScenarioError as error:
        raise typer.BadParameter(str(error)) from error
    if not as_json:
        typer.echo(f"{found.about} {found.units:,} units, seed {found.seed}.")
    try:
        with tempfile.TemporaryDirectory(prefix="plugtone-rehearsal-") as folder:
            ending = Rehearsal(found, Path(folder)).run(_quiet if as_json else _show)
    except KeyboardInterrupt:
        typer.echo("plugtone: interrupted; nothing of the rehearsal is kept, begin it anew", err=True)
        raise typer.Exit(FAILED) from None
    typer.echo(json.dumps(_facts(ending)) if as_json else _told(ending))
    if ending.faults:
        raise typer.Exit(FAILED)


def _quiet(_progress: Progress) -> None:
    """JSON is one answer, at the end."""


def _show(progress: Progress) -> None:
    counts = ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in progress.counts.items() if count)
    typer.echo(f"day {progress.day:5.1f}  {progress.state}  group {progress.group}: {counts or 'nobody yet'}")
    typer.get_text_stream("stdout").flush()


def _facts(ending: Ending) -> dict[str, Any]:
    return asdict(ending) | {"as_expected": not ending.faults}


def _told(ending: Ending) -> str:
    lines = [
        f"{ending.state} after {ending.days:.1f} days, {ending.reached:.2%} of the fleet were given the release",
        f"  {ending.reason}",
        f"  {ending.messages:,} messages, {ending.restarts:,} restarts, none of them in a call",
    ]
    return "\n".join([*lines, *(f"  not as expected: {fault}" for fault in ending.faults)])
