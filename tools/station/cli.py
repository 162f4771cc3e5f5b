"""`plugtone station flash`: boards on one or more ports become units in stock, side by side."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_one
from tools.station import bare
from tools.station.desk_cli import badge, report, reprint, upload
from tools.station.errors import StationError
from tools.station.flasher import Image
from tools.station.journal import Journal, check_room
from tools.station.provision import STEPS, Finished, Job, Report, flash_unit
from tools.station.reset import reset_unit
from tools.station.run import BENCH_ERRORS, MAX_PORTS
from tools.station.run_cli import CLAIM_VARIABLE, LABEL_DPI, STATION_VARIABLE, check_bench, check_country, run
from tools.station.watch import opened, usb_ports
from tools.station.wipe import wipe_unit

IN_STOCK: Final = "in_stock"  # a unit's custody

station = typer.Typer(no_args_is_help=True, add_completion=False)


@station.callback()
def describe() -> None:
    """Flash, provision, test and label adapters at the warehouse bench."""


station.command("run")(run)
station.command("write")(bare.write)
station.command("files")(bare.files)
station.command("report")(report)
station.command("upload")(upload)
station.command("reprint")(reprint)
station.command("badge")(badge)


@station.command()
def flash(
    image: Annotated[Path, typer.Option(help="The image every board gets, from `plugtone release build`.")],
    labels: Annotated[Path, typer.Option(help="Folder for the labels' pictures.")],
    port: Annotated[list[Path] | None, typer.Option(help="A board's serial port; several go side by side.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Folder of the station's records. [LABELS/journal]")] = None,
    claim_url: Annotated[str, typer.Option(envvar=CLAIM_VARIABLE, help="The page named in the label's QR code.")] = "",
    country: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2 code of the market.")] = "US",
    new_epoch: Annotated[str, typer.Option(help="Why a board that had an identity gets a new one.")] = "",
    dpi: Annotated[int, typer.Option(help="Dots an inch of the label printer.")] = LABEL_DPI,
    station: Annotated[str, typer.Option(envvar=STATION_VARIABLE, help="What this station is called.")] = "bench",
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each step and each unit.")] = False,
) -> None:
    """Turn bare boards into units in stock. Interrupted anywhere, the same command goes on from there.

    Reads PLUGTONE_URL and PLUGTONE_TOKEN.

    Example: plugtone station flash --port /dev/ttyUSB0 --port /dev/ttyUSB1 --image 1.2.0.img --labels labels
    """
    ports = port or found_ports()
    if len(set(ports)) != len(ports) or len(ports) > MAX_PORTS:
        raise StationError(f"name 1 to {MAX_PORTS} different ports, got {', '.join(map(str, ports))}")
    check_country(country)
    check_bench(station, dpi)
    labels.mkdir(parents=True, exist_ok=True)
    check_room(labels)
    with FleetClient.from_environment() as fleet:
        page = claim_url or f"{fleet.url}/claim"
        job = Job(Image.parse(image.read_bytes()), labels, page, country, new_epoch, dpi, station)
        records = Journal(journal or labels / "journal")
        reports: _Lines | _Bars = _Lines() if as_json else _Bars()
        with reports, ThreadPoolExecutor(len(ports)) as pool:
            done = [pool.submit(_at_bench, path, job, fleet, records, reports) for path in ports]
        failed = sum(not each.result() for each in done)
    if failed:
        raise StationError(f"{failed} of {len(ports)} boards did not get into stock; run the same command again")


@station.command()
def wipe(
    serial_number: Annotated[str, typer.Argument(help="The unit that came back, as on its label.")],
    port: Annotated[Path, typer.Option(help="Its serial port.")],
    as_json: JsonOption = False,
) -> None:
    """Erase all that is in a returned unit, and give the fleet the chip's own proof.

    Hold the boot button and power the unit on first. It gets its new identity by `station flash --new-epoch`.

    Example: plugtone station wipe PT000000018 --port /dev/ttyUSB0
    """
    with FleetClient.from_environment() as fleet, opened(port) as line:
        show_one(wipe_unit(line, serial_number.upper(), fleet), as_json)


@station.command()
def reset(port: Annotated[Path, typer.Option(help="The unit's serial port.")]) -> None:
    """Make a unit in service forget its key and its customer. It is of no use until it is provisioned again.

    Hold its boot button for some seconds while this runs. `station flash --new-epoch` provisions it again.

    Example: plugtone station reset --port /dev/ttyUSB0
    """
    with opened(port) as line:
        serial_number = reset_unit(line, lambda text: typer.echo(text, err=True))
    typer.echo(f"{serial_number} is reset")


def found_ports() -> list[Path]:
    """The serial ports behind which a board of the catalogue may be; StationError if there is none."""
    ports = list(usb_ports().values())
    if not ports:
        raise StationError("no board is on USB; plug one in or name its port by --port")
    return ports


def _at_bench(path: Path, job: Job, fleet: FleetClient, journal: Journal, reports: _Lines | _Bars) -> bool:
    try:
        with opened(path) as port:
            finished = flash_unit(port, job, fleet, journal, reports.steps_of(path))
    except BENCH_ERRORS as error:
        reports.failed(path, str(error))
        return False
    reports.finished(path, finished)
    return True


class _Lines:
    """Reports for programs: a line of JSON each."""

    def __enter__(self) -> None:
        self._lock = threading.Lock()

    def __exit__(self, *_: object) -> None: ...

    def steps_of(self, path: Path) -> Report:
        """Says when a step begins and when it is through."""

        def report(step: str, done: int, total: int) -> None:
            if done in (0, total):
                self._say({"port": str(path), "step": step, "done": done == total})

        return report

    def finished(self, path: Path, unit: Finished) -> None:
        """One unit is in stock."""
        self._say({"port": str(path), "unit": {**asdict(unit), "label": str(unit.label)}})

    def failed(self, path: Path, error: str) -> None:
        """One board is not."""
        self._say({"port": str(path), "error": error})

    def _say(self, facts: dict[str, object]) -> None:
        with self._lock:
            typer.echo(json.dumps(facts))


class _Bars:
    """Reports for people: a bar a board, and a line when it is done."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.fields[port]}"),
            BarColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._tasks: dict[Path, TaskID] = {}

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def steps_of(self, path: Path) -> Report:
        """Moves the board's bar: every step has the same share of it, whatever time it takes."""
        task = self._tasks[path] = self._progress.add_task(STEPS[0], total=len(STEPS), port=path.name)

        def report(step: str, done: int, total: int) -> None:
            self._progress.update(task, completed=STEPS.index(step) + done / max(total, 1), description=step)

        return report

    def finished(self, path: Path, unit: Finished) -> None:
        """One unit is in stock."""
        where = "in stock" if unit.custody == IN_STOCK else "passed, to be graded"
        self._progress.update(self._tasks[path], completed=len(STEPS), description=f"{unit.serial} {where}")
        typer.echo(f"{path}: {unit.serial}, {unit.mac}, {unit.version}: {where}, label {unit.label}")

    def failed(self, path: Path, error: str) -> None:
        """One board is not."""
        if path in self._tasks:
            self._progress.update(self._tasks[path], description="[red]failed")
        typer.echo(f"{path}: {error}", err=True)
