"""The command `plugtone rollout`: push a release to units, follow it, stop it."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from tools.client import FleetClient
from tools.errors import ToolError
from tools.release.watching import foretold, line, picture
from tools.release.why import why

WATCH_EVERY_S = 1.0
RESTING = ("finished", "stopped", "paused")


class Mode(StrEnum):
    """How units take it, in the words of the API."""

    SOFT = "soft"
    FORCED = "forced"
    DOWNLOAD_ONLY = "download_only"


app = typer.Typer(name="rollout", help="Push a release to units, follow it, stop it.", no_args_is_help=True)
app.command("why")(why)

RolloutArgument = Annotated[str, typer.Argument(help="The rollout, as RO-1.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("create")
def create(
    release: Annotated[str, typer.Argument(help="The release's version.")],
    unit: Annotated[list[str] | None, typer.Option("--unit", help="A serial number; repeatable. None: all.")] = None,
    pause_after_failures: Annotated[int, typer.Option("--pause-after-failures", min=1)] = 1,
    mode: Annotated[
        Mode | None,
        typer.Option("--mode", help="Restart in a unit's hours, at once, or not at all; never in a call."),
    ] = None,
    urgent: Annotated[
        bool, typer.Option("--urgent", help="A security fix, signed as one, that no hour may hold back: forced.")
    ] = False,
    not_before: Annotated[
        str | None, typer.Option("--not-before", help="No restart earlier, as 2026-12-01T02:00Z.")
    ] = None,
    deadline: Annotated[
        str | None, typer.Option("--deadline", help="From then on units do not wait for their hours.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="By groups, as this TOML file says: docs/rollout-plan.toml.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a rollout; somebody else has to approve it.

    Example: plugtone rollout create 2.0.0 --plan docs/rollout-plan.toml --mode forced
    """
    body: dict[str, Any] = {"release": release, "targets": unit or "all", "pause_after_failures": pause_after_failures}
    if plan is not None:
        body["plan"] = _read_plan(plan)
    treatment = {"mode": mode, "urgent": urgent or None, "not_before": not_before, "deadline": deadline}
    body |= {name: value for name, value in treatment.items() if value is not None}
    with FleetClient.from_environment() as fleet:
        _show(fleet.post("/v1/rollouts", body), as_json)


@app.command("approve")
def approve(rollout: RolloutArgument, as_json: JsonOption = False) -> None:
    """Approve another person's rollout. Example: plugtone rollout approve RO-1"""
    _step(rollout, "approve", None, as_json)


@app.command("start")
def start(rollout: RolloutArgument, as_json: JsonOption = False) -> None:
    """Begin; units learn of it as they check in. Example: plugtone rollout start RO-1"""
    _step(rollout, "start", None, as_json)


@app.command("pause")
def pause(rollout: RolloutArgument, reason: ReasonOption = "", as_json: JsonOption = False) -> None:
    """Assign no further unit. Example: plugtone rollout pause RO-1 --reason "support is busy" """
    _step(rollout, "pause", {"reason": reason}, as_json)


@app.command("resume")
def resume(rollout: RolloutArgument, as_json: JsonOption = False) -> None:
    """Go on; failures so far count no more. Example: plugtone rollout resume RO-1"""
    _step(rollout, "resume", None, as_json)


@app.command("stop")
def stop(rollout: RolloutArgument, reason: ReasonOption = "", as_json: JsonOption = False) -> None:
    """End it; what is not on trial yet is recalled. Example: plugtone rollout stop RO-1"""
    _step(rollout, "stop", {"reason": reason}, as_json)


@app.command("let-out")
def let_out(
    serial: Annotated[str, typer.Argument(help="The unit's serial number.")], as_json: JsonOption = False
) -> None:
    """Forget a unit's failed updates, so that rollouts may have it again.

    Example: plugtone rollout let-out PT000000018
    """
    with FleetClient.from_environment() as fleet:
        fleet.delete(f"/v1/units/{serial}/failed-updates")
    typer.echo(json.dumps({"serial": serial}) if as_json else f"{serial} may be given updates again")


@app.command("show")
def show(rollout: RolloutArgument, as_json: JsonOption = False) -> None:
    """A rollout, when it will be over if all goes well, and each unit's part in it.

    Example: plugtone rollout show RO-1
    """
    with FleetClient.from_environment() as fleet:
        found = fleet.get(f"/v1/rollouts/{rollout}")
        goes_on = found["course"] and found["state"] not in ("stopping", "stopped", "finished")
        found["forecast"] = fleet.get(f"/v1/rollouts/{rollout}/forecast") if goes_on else None
        found["units"] = list(_units(fleet, rollout))
    if as_json:
        typer.echo(json.dumps(found))
        return
    Console().print(picture(found))
    if found["forecast"]:
        Console().print(foretold(found["forecast"]))
    for unit in found["units"]:
        typer.echo(f"{unit['serial']}  {unit['state']:12} {unit['reason']}")


@app.command("watch")
def watch(rollout: RolloutArgument, as_json: JsonOption = False) -> None:
    """Follow a rollout until it ends or pauses; exit status 0 only if it finished.

    Example: plugtone rollout watch RO-1
    """
    with FleetClient.from_environment() as fleet:
        found = _follow_in_lines(fleet, rollout) if as_json else _follow_live(fleet, rollout)
    raise typer.Exit(0 if found["state"] == "finished" else 1)


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ToolError(f"{path} is no plan: {error}; see docs/rollout-plan.toml") from error


def _follow_in_lines(fleet: FleetClient, rollout: str) -> dict[str, Any]:
    shown = ""
    for found in _readings(fleet, rollout):
        line = json.dumps({key: value for key, value in found.items() if key != "units"})
        if line != shown:
            typer.echo(line)
        shown = line
    return found


def _follow_live(fleet: FleetClient, rollout: str) -> dict[str, Any]:
    with Live(console=Console(), auto_refresh=False) as live:
        for found in _readings(fleet, rollout):
            live.update(picture(found), refresh=True)
    return found


def _readings(fleet: FleetClient, rollout: str) -> Iterator[dict[str, Any]]:
    """The rollout again and again; the last reading is of one that ended or paused."""
    while True:
        found: dict[str, Any] = fleet.get(f"/v1/rollouts/{rollout}", limit=1)
        yield found
        if found["state"] in RESTING:
            return
        time.sleep(WATCH_EVERY_S)


def _step(rollout: str, verb: str, body: dict[str, Any] | None, as_json: bool) -> None:
    with FleetClient.from_environment() as fleet:
        _show(fleet.post(f"/v1/rollouts/{rollout}/{verb}", body), as_json)


def _show(rollout: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rollout))
    else:
        typer.echo(line(rollout))


def _units(fleet: FleetClient, rollout: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = fleet.get(f"/v1/rollouts/{rollout}", **({"cursor": cursor} if cursor else {}))["units"]
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return
