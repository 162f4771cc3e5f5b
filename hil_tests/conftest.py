"""The rig: `--board`, `--port` and `--bench`, a fixture for each state, and what a failed test leaves behind.

The same tests run on the simulated board and on a real one; what a bench does not have, its tests are skipped for.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pytest_embedded import Dut

from hil_tests.link import Link
from hil_tests.rig import evidence
from hil_tests.rig.bench import ABILITIES, Bench, bench_of, read_bench
from hil_tests.rig.bench_lock import held
from hil_tests.rig.errors import BenchFileError, NoWayError, RigError
from hil_tests.rig.hand import Hand
from hil_tests.rig.house import House
from hil_tests.rig.proof import prove
from hil_tests.rig.report import Measured, Page, link_to
from hil_tests.rig.strategy import ORDER, State, Strategy

_BENCH = pytest.StashKey[Bench]()
_RIG = pytest.StashKey["Rig"]()
_PAGE = pytest.StashKey[Page]()
_WRONG_RIG_STATUS = 3
_HERE = Path(__file__).parent


class Rig:
    """One session at a bench: its boards in hand, the fleet, the capture. `strategies` in the bench's order."""

    def __init__(self, bench: Bench, folder: Path, held_open: ExitStack) -> None:
        self.bench = bench
        self.folder = folder
        held_open.enter_context(held(bench.name, [place.port for place in bench.place if place.port]))
        places = [*bench.place, *bench.place[:1]] if bench.place[0].owned else bench.place
        self.hands = [Hand(place, folder / f"place-{number}") for number, place in enumerate(places, 1)]
        self.house = House(folder / "house", self.hands[0].board.name, bench.fleet.address if bench.fleet else "")
        held_open.callback(self.house.close)
        for hand in self.hands:
            if hand.sim is not None:
                held_open.callback(hand.sim.power_off)
        self.capture = evidence.Capture(folder / "capture", bench.capture.command if bench.capture else None)
        held_open.callback(self.capture.stop)
        self.strategies = [Strategy(hand, self.house) for hand in self.hands]

    @property
    def logs(self) -> list[Path]:
        """What the service and the registrar wrote."""
        return [self.folder / "house" / name for name in ("service.log", "registrar.log")]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The bench, by a file or by one board and its port."""
    group = parser.getgroup("plugtone rig")
    group.addoption("--board", default="sim", help="the board in hand: sim, or a name of boards/ (with --port)")
    group.addoption("--bench", type=Path, help="a bench file, in place of --board and --port (docs/rig.md)")
    group.addoption("--evidence", type=Path, default=Path("build/hil"), help="where failed tests leave their evidence")


@pytest.hookimpl(optionalhook=True)
def pytest_metadata(metadata: dict[str, Any]) -> None:
    """The page names the computer, not its Python packages: the lock pins them."""
    for name in ("Packages", "Plugins"):
        metadata.pop(name, None)


def pytest_configure(config: pytest.Config) -> None:
    """Reads the bench; a wrong file ends it here."""
    config.addinivalue_line("markers", f"needs(*what): what a bench must have, of {', '.join(ABILITIES)}")
    given: Path | None = config.getoption("bench", None)
    try:
        config.stash[_BENCH] = (
            read_bench(given) if given else bench_of(config.getoption("board", "sim"), config.getoption("port", None))
        )
    except BenchFileError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_PAGE] = Page(f"Plugtone rig: {config.stash[_BENCH].name}")
    config.pluginmanager.register(config.stash[_PAGE])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Ours by the state they want, so that each way is gone once; what the bench does not have is skipped."""
    ours = [item for item in items if _HERE in item.path.parents]
    places = [index for index, item in enumerate(items) if _HERE in item.path.parents]
    for index, item in zip(places, sorted(ours, key=_rank), strict=True):
        items[index] = item
    bench = config.stash[_BENCH]
    for item in ours:
        for marker in item.iter_markers("needs"):
            for ability in marker.args:
                if ability not in ABILITIES:
                    raise pytest.UsageError(f"{item.nodeid} needs {ability!r}; known: {', '.join(ABILITIES)}")
                if reason := bench.why_not(ability):
                    item.add_marker(pytest.mark.skip(reason=reason))


def _rank(item: pytest.Item) -> int:
    return ORDER.index(_wanted(item))


def _wanted(item: pytest.Item) -> State:
    names = getattr(item, "fixturenames", ())
    wanted = [State(name) for name in names if name in set(State)]
    return max(wanted, key=ORDER.index, default=State.FACTORY if "port" in names else State.OFF)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the report has of a test (docs/rig.md), and a failed one's evidence."""
    ours = _HERE in item.path.parents
    rig = item.config.stash.get(_RIG, None)
    if ours and call.when == "setup":
        places = item.config.stash[_BENCH].boards(2 if "second" in getattr(item, "fixturenames", ()) else 1)
        item.user_properties[:0] = [("board", ", ".join(places)), ("state", str(_wanted(item)))]
    elif ours and rig is not None and call.when == "call":
        item.user_properties += [("measured", told) for told in rig.hands[0].figures()]
    report = yield
    if ours and report.skipped and isinstance(report.longrepr, tuple):
        report.user_properties.append(("measured", report.longrepr[2]))
    if ours and rig is not None and report.failed and call.when != "teardown":
        folder = evidence.folder_of(item.config.getoption("evidence").resolve(), item.nodeid)
        dut: Any = getattr(item, "funcargs", {}).get("dut")
        logs = [*rig.logs, *([Path(dut.logfile)] if dut is not None else [])]
        evidence.collect(folder, rig.hands, logs, rig.capture)
        report.sections.append(("Evidence", str(folder)))
        item.user_properties.append(("evidence", str(folder)))  # JUnit's file takes them from the teardown
        report.extras = link_to(folder, item.config.getoption("htmlpath", None))  # type: ignore[attr-defined]
    return report


@pytest.fixture(scope="session")
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The bench, ours alone, with its power switches proved; a wrong rig ends the session before its first test."""
    page = request.config.stash[_PAGE]
    with ExitStack() as stack:
        try:
            made = Rig(request.config.stash[_BENCH], tmp_path_factory.mktemp("rig"), stack)
            for hand, name in zip(made.hands, made.bench.boards(len(made.bench.place)), strict=False):
                prove(hand)
                page.say(f"{name}: power switch {'proved' if hand.power else 'missing, its tests are left out'}")
        except RigError as error:
            page.say(f"The rig is not to be trusted: {error}")
            pytest.exit(f"the rig is not to be trusted: {error}", returncode=_WRONG_RIG_STATUS)
        request.config.stash[_RIG] = made
        yield made


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Notes figures for the report."""
    return Measured(request.node.user_properties)


def _in_state(rig: Rig, state: State, measured: Measured) -> Strategy:
    for ability in ("fleet",) if state not in (State.OFF, State.FACTORY) else ():
        if reason := rig.bench.why_not(ability):
            pytest.skip(reason)
    try:
        with measured.timed(f"{state} reached in"):
            rig.strategies[0].to(state)
    except NoWayError as error:
        if rig.bench.place[0].owned:  # nothing is out of reach there: a way is missing, or was gone in the wrong order
            raise
        pytest.skip(str(error))
    return rig.strategies[0]


@pytest.fixture
def off(rig: Rig, measured: Measured) -> Strategy:
    """The board without power."""
    return _in_state(rig, State.OFF, measured)


@pytest.fixture
def factory(rig: Rig, measured: Measured) -> Strategy:
    """The first image runs, nothing is provisioned."""
    return _in_state(rig, State.FACTORY, measured)


@pytest.fixture
def provisioned(rig: Rig, measured: Measured) -> Strategy:
    """Through the station, locked and in stock."""
    return _in_state(rig, State.PROVISIONED, measured)


@pytest.fixture
def active(rig: Rig, measured: Measured) -> Strategy:
    """Sold, plugged in, in service; its line may be registered."""
    return _in_state(rig, State.ACTIVE, measured)


@pytest.fixture
def registered(rig: Rig, measured: Measured) -> Strategy:
    """In service, its line registered."""
    return _in_state(rig, State.REGISTERED, measured)


@pytest.fixture
def trial(rig: Rig, measured: Measured) -> Strategy:
    """A new release on trial, the cable out so that it cannot prove itself yet."""
    return _in_state(rig, State.TRIAL, measured)


@pytest.fixture
def second(rig: Rig, registered: Strategy, measured: Measured) -> Strategy:
    """Another board of the bench, its line registered; in use together with `registered`."""
    with measured.timed("the second one reached in"):
        rig.strategies[1].to(State.REGISTERED)
    return rig.strategies[1]


@pytest.fixture
def port(request: pytest.FixtureRequest) -> str:
    """The serial port that pytest-embedded opens, once the board is in the state the test wants: else, factory."""
    wanted = [name for name in request.fixturenames if name in set(State)]
    found: Strategy = request.getfixturevalue(wanted[0] if wanted else State.FACTORY)
    return str(found.hand.port)


@pytest.fixture
def embedded_services() -> str:
    """What pytest-embedded brings: a serial port and the `dut` that reads it."""
    return "serial"


@pytest.fixture
def link(dut: Dut) -> Link:
    """Questions and answers over the board's USB serial link."""
    return Link(dut)
