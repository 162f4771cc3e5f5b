"""`plugtone station run`: the bench as warehouse staff use it, full screen, or a line of JSON at each change."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer

from tools.client import OPERATOR_VARIABLE, TOKEN_VARIABLE, URL_VARIABLE, FleetClient, Poster
from tools.label.drawing import RESOLUTIONS_DPI
from tools.station import rehearsal
from tools.station.errors import StationError
from tools.station.flasher import Image
from tools.station.journal import Journal, check_room
from tools.station.lease_journal import LeaseJournal
from tools.station.offline import StationFleet
from tools.station.operators import Operators
from tools.station.port_states import SETTLED
from tools.station.provision import Finished, Job, Report, flash_unit
from tools.station.reprint import reprint_label
from tools.station.run import Board, Listener, Port, Station, Watch
from tools.station.shift import ShiftJournal
from tools.station.watch import names_of, opened, present_of, usb_ports

PATIENCE_S: Final = 2.0  # then the station works on without the fleet
LABEL_DPI: Final = 300
STATION_VARIABLE: Final = "PLUGTONE_STATION"
CLAIM_VARIABLE: Final = "PLUGTONE_CLAIM_URL"
STATION_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")  # as the fleet takes it, and the unit

PortOption = Annotated[
    list[Path] | None, typer.Option(help="A serial port to watch; several. [all with a known board's USB ids]")
]


def run(
    image: Annotated[Path | None, typer.Option(help="The image every board gets. [built, with --sim]")] = None,
    labels: Annotated[Path | None, typer.Option(help="Folder for the labels' pictures.")] = None,
    port: PortOption = None,
    journal: Annotated[Path | None, typer.Option(help="Folder of the station's records. [LABELS/journal]")] = None,
    claim_url: Annotated[str, typer.Option(envvar=CLAIM_VARIABLE, help="The page named in the label's QR code.")] = "",
    country: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2 code of the market.")] = "US",
    leases: Annotated[Path | None, typer.Option(help="Folder of `plugtone mac lease take`. [LABELS/leases]")] = None,
    dpi: Annotated[int, typer.Option(help="Dots an inch of the label printer.")] = LABEL_DPI,
    station: Annotated[str, typer.Option(envvar=STATION_VARIABLE, help="What this station is called.")] = "bench",
    sim: Annotated[int, typer.Option(min=0, max=rehearsal.MAX_SIMULATED, help="Rehearse with so many boards.")] = 0,
    folder: Annotated[Path | None, typer.Option(help="Keep the rehearsal here; else it is deleted at its end.")] = None,
    fleet: Annotated[str, typer.Option(envvar=URL_VARIABLE, help="The fleet. [with --sim: one of its own]")] = "",
    bell: Annotated[bool, typer.Option("--bell", help="Ring when a board is done or failed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON at each change, no screen.")] = False,
) -> None:
    """Plug boards in: each goes by itself, many side by side, until its label is printed. Unplug it, and the next.

    Reads PLUGTONE_TOKEN, the station's own; the operator scans their badge (without a screen: PLUGTONE_OPERATOR).
    Killed anywhere, the same command goes on. Without a terminal it prints JSON.

    Example: plugtone station run --image 1.2.0.img --labels labels
    """
    check_country(country)
    check_bench(station, dpi)
    if not sim and (image is None or labels is None):
        raise StationError("name the image and the folder of the labels: --image 1.2.0.img --labels labels")
    signal.signal(signal.SIGTERM, _interrupt)
    wanted = _Wanted(image, labels, port or [], journal, leases, claim_url, country, sim, folder, fleet, dpi, station)
    shown = _Lines() if as_json or not (sys.stdout.isatty() and sys.stderr.isatty()) else None
    with _bench(wanted) as bench:
        badge = os.environ.get(OPERATOR_VARIABLE, "")
        if badge:
            bench.operators.sign_in(badge)
        if shown is None:
            from tools.station.screen import show  # noqa: PLC0415 - half a second of imports, for a screen alone

            show(bench, bell)
        elif not bench.operators.may_begin:
            raise StationError(f"somebody has to sign in: put the operator's badge into {OPERATOR_VARIABLE}")
        else:
            bench.run([shown], threading.Event())
            shown.summary(bench)
        if bench.hand is not None and bench.hand.failed:
            raise StationError(f"{bench.hand.failed} of {sim} boards did not get into stock")


def check_country(country: str) -> None:
    """StationError unless it is a code as ISO 3166-1 has them."""
    if not re.fullmatch("[A-Z]{2}", country):
        raise StationError(f"a country is two capital letters of ISO 3166-1, got {country!r}")


def check_bench(station: str, dpi: int) -> None:
    """StationError for what would stop every unit at its label or its stock record, locked by then."""
    if not STATION_NAME.fullmatch(station):
        raise StationError(f"a station's name is 1 to 40 letters, digits, dots, dashes, underscores, got {station!r}")
    if dpi not in RESOLUTIONS_DPI:
        raise StationError(f"a label printer has {', '.join(map(str, RESOLUTIONS_DPI))} dots an inch, got {dpi}")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the command line asked for."""

    image: Path | None
    labels: Path | None
    ports: list[Path]
    journal: Path | None
    leases: Path | None
    claim_url: str
    country: str
    sim: int
    folder: Path | None
    url: str
    dpi: int
    station: str


@dataclass(slots=True)
class Bench:
    """Everything that a run needs, ready; `hand` is there in a rehearsal alone."""

    job: Job
    client: FleetClient
    fleet: StationFleet
    journal: Journal
    watch: Watch
    names: list[str]
    operators: Operators
    shifts: ShiftJournal
    hand: rehearsal.Hand | None = None
    began_s: float = field(default_factory=time.monotonic)
    station: Station | None = None

    def run(self, listeners: list[Listener], ended: threading.Event) -> None:
        """Work until `ended`, or until the rehearsal is over."""
        hand = self.hand
        heard = [*listeners, self.shifts, *([hand] if hand else [])]
        station = self.station = Station(
            self.flash, heard, lambda: self.operators.may_begin, lambda: self.fleet.in_reach
        )
        for name in self.names:
            station.add(name)
        over = threading.Event()
        touch = threading.Thread(target=self.fleet.keep_in_touch, args=(over,), name="fleet")
        touch.start()
        try:
            station.run(self.watch, lambda: ended.is_set() or bool(hand and hand.ended()), ended.wait)
        except KeyboardInterrupt:
            return
        finally:
            over.set()
            touch.join()

    def flash(self, path: Path, report: Report, identified: Callable[[Board], None]) -> Finished:
        """One board on the port at `path`."""
        with opened(path) as port:
            return flash_unit(port, self.job, _Telling(self.fleet, identified), self.journal, report)

    def reprint(self, serial: str, reason: str) -> Path:
        """The picture of a new label for that unit."""
        job = self.job
        return reprint_label(self.client, serial, reason, job.labels, job.claim_url, self.journal, job.label_dpi)


@dataclass(frozen=True, slots=True)
class _Telling:
    """A fleet that says which unit it gave to the board."""

    fleet: Poster
    identified: Callable[[Board], None]

    def post(self, path: str, body: Any = None, *, repeatable: bool = False) -> Any:
        """The fleet's answer."""
        answer = self.fleet.post(path, body, repeatable=repeatable)
        if path == "/v1/units":
            self.identified(Board(body["board_uid"], answer["serial"], answer["mac"]))
        return answer


@contextmanager
def _bench(wanted: _Wanted) -> Iterator[Bench]:
    with ExitStack() as stack:
        world = wanted.folder
        if wanted.sim and world is None:
            world = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plugtone-station-")))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        data = pool.submit(wanted.image.read_bytes if wanted.image else rehearsal.first_image)
        hand = None
        if wanted.sim and world is not None:
            hand = rehearsal.Hand(world, wanted.sim)
            stack.callback(hand.unplug_all)
            hand.plug_in()  # boards start beside the fleet; nothing is done with them before the station looks
        if wanted.sim and world is not None and not wanted.url:
            url, token = stack.enter_context(rehearsal.own_fleet(world))  # on this thread: it dies with it
            place = {URL_VARIABLE: url, TOKEN_VARIABLE: token}
        else:
            place = {**os.environ, **({URL_VARIABLE: wanted.url} if wanted.url else {})}
        fleet = stack.enter_context(FleetClient.from_environment(place, patience_s=PATIENCE_S))
        labels = wanted.labels or (world or Path()) / "labels"
        labels.mkdir(parents=True, exist_ok=True)
        check_room(labels)
        page = wanted.claim_url or f"{fleet.url}/claim"
        job = Job(
            Image.parse(data.result()), labels, page, wanted.country, label_dpi=wanted.dpi, station=wanted.station
        )
        named = hand.ports if hand else names_of(wanted.ports)
        watch = hand.present if hand else (lambda: present_of(named)) if named else usb_ports
        records = wanted.journal or labels / "journal"
        journal, operators = Journal(records), Operators(fleet, records, needed=not wanted.sim)
        reached = StationFleet(fleet, journal, LeaseJournal(wanted.leases or labels / "leases"))
        shifts = ShiftJournal(records, lambda: operators.operator)
        yield Bench(job, fleet, reached, journal, watch, list(named), operators, shifts, hand)


class _Lines:
    """Reports for programs: a line of JSON at each change of a port, and one at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def changed(self, before: Port, port: Port) -> None:
        """Says the port's state, step and unit; progress inside a step is left out."""
        if (before.state, before.step, before.board) != (port.state, port.step, port.board):
            self._say(facts_of(port))

    def summary(self, bench: Bench) -> None:
        """What a rehearsal came to."""
        ports = bench.station.ports if bench.station else []
        units = {port.board.serial: port.board.mac for port in ports if port.took_s.get("stock")}
        seconds = round(time.monotonic() - bench.began_s, 2)
        self._say({"summary": {"ports": len(ports), "units": units, "seconds": seconds}})

    def _say(self, facts: dict[str, Any]) -> None:
        with self._lock:
            typer.echo(json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **facts}))
            sys.stdout.flush()


def facts_of(port: Port) -> dict[str, Any]:
    """A port as JSON shows it; empty facts are left out."""
    facts: dict[str, Any] = {
        "port": port.name,
        "state": port.state,
        "step": port.step,
        "serial": port.board.serial,
        "mac": port.board.mac,
        "reason": port.reason,
    }
    if port.state in SETTLED:
        facts["seconds"] = round(port.ended_s - port.began_s, 2)
        facts["took_s"] = {step: round(took, 3) for step, took in port.took_s.items()}
    return {name: value for name, value in facts.items() if value != ""}


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run in order, as Ctrl-C does."""
    raise KeyboardInterrupt
