"""Ports side by side: plugged in they go by themselves, pulled they make room. The work itself is played here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Condition
from typing import Any

import pytest

from tools.station.errors import AwaitingFleetError, StationError, UnitError
from tools.station.port_states import PortState
from tools.station.provision import STEPS, Finished, Report
from tools.station.run import MAX_PORTS, Board, Port, Station

LIMIT_S = 10.0
UNIT = Board("00" * 8, "PT000000018", "02:00:5E:00:00:00")


class Played:
    """What `flash_unit` does on each port, played: a script a port, which is called with its report."""

    def __init__(self) -> None:
        self.scripts: dict[str, Callable[[Report], None]] = {}
        self.seen: list[tuple[str, PortState]] = []
        self.ports: dict[str, Port] = {}
        self.changes = Condition()
        self.may_begin = self.may_go_on = True
        self.station = Station(self.flash, [self], may_begin=lambda: self.may_begin, may_go_on=lambda: self.may_go_on)

    def flash(self, path: Path, report: Report, identified: Callable[[Board], None]) -> Finished:
        for step in STEPS[:2]:
            report(step, 0, 1)
            report(step, 1, 1)
        identified(UNIT)
        self.scripts.get(path.name, through)(report)
        return Finished(UNIT.serial, UNIT.mac, 1, UNIT.uid, "1.0.0", Path("label.png"), "in_stock")

    def changed(self, before: Port, port: Port) -> None:
        with self.changes:
            if before.state is not port.state:
                self.seen.append((port.name, port.state))
            self.ports[port.name] = port
            self.changes.notify_all()

    def look(self, *names: str) -> None:
        self.station.look({name: Path(name) for name in names})

    def until(self, name: str, state: PortState) -> Port:
        with self.changes:
            assert self.changes.wait_for(lambda: self.port(name).state is state, LIMIT_S), self.seen
        return self.port(name)

    def port(self, name: str) -> Port:
        return self.ports.get(name, Port(name))


def through(report: Report) -> None:
    for step in STEPS[2:]:
        report(step, 0, 1)
        report(step, 1, 1)


def failing(error: Exception, at: str = "self-test") -> Callable[[Report], None]:
    def script(report: Report) -> None:
        report(at, 0, 1)
        raise error

    return script


@pytest.fixture
def played() -> Iterator[Played]:
    played = Played()
    yield played
    played.station.run(dict, lambda: True, lambda _: None)  # ends its threads


def test_board_goes_by_itself_and_the_next_one_follows_it(played: Played) -> None:
    played.look("a")
    port = played.until("a", PortState.DONE)
    assert (port.board, port.share, set(port.took_s)) == (UNIT, 1.0, set(STEPS))
    played.look()
    played.look("a")
    played.until("a", PortState.DONE)
    way = [state for _, state in played.seen]
    once = [
        PortState.FOUND, PortState.FLASHING, PortState.PROVISIONING, PortState.TESTING, PortState.LABELLING,
        PortState.DONE,
    ]  # fmt: skip
    assert way == [*once, PortState.WAITING, *once]


def test_done_board_that_stays_on_is_not_begun_again(played: Played) -> None:
    played.look("a")
    played.until("a", PortState.DONE)
    played.look("a")
    assert played.port("a").state is PortState.DONE


def test_one_that_fails_says_why_and_the_other_goes_on(played: Played) -> None:
    played.scripts["bad"] = failing(UnitError("PT000000018 failed its self-test: ethernet; mend it"))
    played.look("bad", "good")
    assert played.until("bad", PortState.FAILED).reason == "PT000000018 failed its self-test: ethernet; mend it"
    played.until("good", PortState.DONE)
    played.look("good")
    assert played.port("bad").reason  # it stays to be read when the board is off
    del played.scripts["bad"]
    played.look("good", "bad")
    assert played.until("bad", PortState.DONE).reason == ""


def test_failed_board_is_tried_again_where_it_lies(played: Played) -> None:
    played.scripts["a"] = failing(OSError("cable"))
    played.look("a")
    played.until("a", PortState.FAILED)
    del played.scripts["a"]
    played.station.retry("a")
    played.until("a", PortState.DONE)
    with pytest.raises(StationError, match="no board that failed is on a"):
        played.station.retry("a")


def test_board_without_certificate_waits_and_goes_on_when_the_fleet_answers(played: Played) -> None:
    played.may_go_on = False
    played.scripts["a"] = failing(AwaitingFleetError("no network"), "certificate")
    played.scripts["b"] = failing(AwaitingFleetError("no network"), "stock")
    played.look("a", "b")
    assert played.until("a", PortState.AWAITING_CERTIFICATE).reason == "no network"
    played.until("b", PortState.AWAITING_FLEET)
    played.look("a", "b")
    assert played.port("a").state is PortState.AWAITING_CERTIFICATE
    played.scripts.clear()
    played.may_go_on = True
    played.look("a", "b")
    played.until("a", PortState.DONE)
    played.until("b", PortState.DONE)


def test_port_that_vanishes_while_a_chip_restarts_is_not_pulled(played: Played) -> None:
    def restarting(report: Report) -> None:
        played.look()
        assert played.port("a").state in (PortState.FOUND, PortState.FLASHING)
        through(report)

    played.scripts["a"] = restarting
    played.look("a")
    played.until("a", PortState.DONE)


def test_fault_of_the_program_does_not_leave_a_port_at_work_for_ever(played: Played) -> None:
    played.scripts["a"] = failing(ZeroDivisionError("a fault"))
    played.look("a")
    assert played.until("a", PortState.FAILED).reason == "the station's program failed: ZeroDivisionError: a fault"


def test_nobody_signed_in_nothing_begins(played: Played) -> None:
    played.may_begin = False
    played.look("a")
    assert played.port("a").state is PortState.WAITING
    played.may_begin = True
    played.look("a")
    played.until("a", PortState.DONE)


def test_there_are_only_so_many_ports(played: Played) -> None:
    names: list[Any] = [str(number) for number in range(MAX_PORTS)]
    for name in names:
        played.station.add(name)
    with pytest.raises(StationError, match="one is one too many"):
        played.station.add("one")


def test_port_too_many_takes_the_place_of_an_empty_one_and_never_ends_the_work(played: Played) -> None:
    """A plug with a hub in between has another name: over a shift there are more names than ports."""
    played.scripts = dict.fromkeys((str(number) for number in range(MAX_PORTS)), failing(UnitError("no link")))
    busy = [str(number) for number in range(MAX_PORTS)]
    played.look(*busy)
    for name in busy:
        played.until(name, PortState.FAILED)
    played.look(*busy, "one")
    assert "one" not in {port.name for port in played.station.ports}
    played.look(*busy[1:])
    played.look(*busy[1:], "one")
    played.until("one", PortState.DONE)
    assert len(played.station.ports) == MAX_PORTS
