"""The station's full screen: one line a port, big colours with the words they repeat, and a line for the scanner."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING, ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from tools.errors import ToolError
from tools.station import operators, scan
from tools.station.port_states import AWAITING, SETTLED, WORKING, PortState
from tools.station.run import Port

if TYPE_CHECKING:
    from tools.station.run_cli import Bench

REFRESH_S: Final = 0.1
NAME_CHARACTERS: Final = 14
WORD_CHARACTERS: Final = 22
BAR_CHARACTERS: Final = 20
HELP: Final = "Scan a unit, or type: retry PORT, reprint UNIT REASON"
SIGN_IN: Final = "Nobody is signed in: scan your badge"

# Letters and ground: told apart without their hue, too.
_AT_WORK: Final = ("#ffffff", "#0b57d0")
_AWAITING: Final = ("#000000", "#f5a623")
COLOURS: Final[dict[PortState, tuple[str, str]]] = {
    PortState.WAITING: ("#e8e8e8", "#444444"),
    **dict.fromkeys(WORKING, _AT_WORK),
    **dict.fromkeys(AWAITING, _AWAITING),
    PortState.DONE: ("#000000", "#5fd35f"),
    PortState.FAILED: ("#ffffff", "#c5221f"),
}


def line_of(port: Port, marked: bool) -> Text:
    """A port's line: its name, the word of its state on the state's colour, the unit, how far it is, why it stopped."""
    front, back = COLOURS[port.state]
    text = Text(f"{'>' if marked else ' '} {port.name:<{NAME_CHARACTERS}} ", Style(bold=marked))
    text.append(f"{port.state.upper():^{WORD_CHARACTERS}}", Style(color=front, bgcolor=back, bold=True))
    text.append(f" {port.board.serial:<12} {port.board.mac:<18}")
    if port.state in WORKING:
        full = round(port.share * BAR_CHARACTERS)
        text.append("█" * full + "·" * (BAR_CHARACTERS - full))
        text.append(f" {port.step}")
    elif port.state is PortState.DONE:
        text.append(f"{port.ended_s - port.began_s:.1f} s: take it off, put the next one on")
    elif port.reason:
        text.append(port.reason)
    return text


def counts_of(ports: list[Port]) -> str:
    """How many ports are in which kind of state, in words."""
    kinds = (("working", WORKING), ("waiting for the fleet", AWAITING), ("failed", {PortState.FAILED}))
    return ", ".join(f"{sum(port.state in states for port in ports)} {word}" for word, states in kinds)


class StationScreen(App[None]):
    """Shows a bench at work; the work itself goes on in a thread of its own."""

    CSS = """
    #head { height: 1; background: $primary; color: $text; text-style: bold; }
    #said { height: 1; }
    Input { height: 3; }
    .port { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+q", "quit", "Stop when what is under way is finished")]

    def __init__(self, bench: Bench, bell: bool) -> None:
        super().__init__()
        self._bench = bench
        self._bell = bell
        self._ended = threading.Event()
        self._work = threading.Thread(target=self._run, name="station")
        self._shown: dict[str, tuple[Port, bool]] = {}
        self._lines: dict[str, Static] = {}
        self._marked = ""
        self._units: set[str] = set()
        self._rings = 0
        self._rung = 0
        self._over = False

    def compose(self) -> ComposeResult:
        """Head, ports, what was said to the last scan, and the line of the scanner."""
        yield Static(id="head", markup=False)
        yield VerticalScroll(id="ports")
        yield Static(HELP if self._bench.operators.may_begin else SIGN_IN, id="said")
        yield Input(placeholder=HELP, id="scanner", password=not self._bench.operators.may_begin)

    def on_mount(self) -> None:
        """Begins to work."""
        if not self.is_headless:  # a test has its own signals
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        self.query_one(Input).focus()
        self._work.start()
        self.set_interval(REFRESH_S, self.show_ports)

    def on_unmount(self) -> None:
        """No board is begun any more; those under way are finished."""
        self._ended.set()
        self._work.join()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """A scan ends with Enter, as scanners type it."""
        text, event.input.value = event.value, ""
        try:
            said, good = await asyncio.to_thread(self._answer, text), True
        except ToolError as error:
            said, good = str(error), False
        word = "OK" if good else "REFUSED"
        style = Style(color="black" if good else "white", bgcolor="green" if good else "red", bold=True)
        self.query_one("#said", Static).update(Text.assemble((f" {word} ", style), f" {said}"))
        event.input.password = not self._bench.operators.may_begin

    def on_input_changed(self, event: Input.Changed) -> None:
        """A badge is not shown while it is typed."""
        if operators.is_badge(event.value):
            event.input.password = True

    async def show_ports(self) -> None:
        """Brings the screen to what the ports are now."""
        if not self.query("#head"):
            return  # it is being taken down
        over, station = self._over, self._bench.station
        ports = station.ports if station else []
        self.query_one("#head", Static).update(self._head(ports))
        for port in ports:
            showing = port, port.name == self._marked
            if self._shown.get(port.name) == showing:
                continue
            self._shown[port.name] = showing
            if port.name in self._lines:
                self._lines[port.name].update(line_of(*showing))
            else:
                line = self._lines[port.name] = Static(line_of(*showing), classes="port")
                await self.query_one("#ports").mount(line)
        if self._rings != self._rung:
            self._rung = self._rings
            if self._bell:
                self.bell()
        if over:
            self.exit()

    def changed(self, before: Port, port: Port) -> None:
        """Counts what is done, and rings for what is settled."""
        if port.state is not before.state and port.state in SETTLED:
            self._rings += 1
            if port.state is PortState.DONE:
                self._units.add(port.board.serial)

    def _head(self, ports: list[Port]) -> str:
        bench = self._bench
        who = bench.operators.operator or "nobody signed in"
        reach = "fleet in reach" if bench.fleet.in_reach else "NO NETWORK: working from the lease"
        trouble = f"   TROUBLE: {bench.fleet.trouble}" if bench.fleet.trouble else ""
        return f" Plugtone station   {who}   {reach}   {len(self._units)} done, {counts_of(ports)}{trouble}"

    def _answer(self, text: str) -> str:
        bench, station = self._bench, self._bench.station
        verb, _, rest = text.strip().partition(" ")
        if operators.is_badge(verb) or not bench.operators.may_begin:
            return f"{bench.operators.sign_in(text)} works at {bench.operators.station}"
        if station is None:
            return ""
        if verb.lower() == "reprint":
            unit, _, reason = rest.strip().partition(" ")
            path = bench.reprint(scan.unit_of(unit), reason)
            return f"the new label is {path.name}; the code on the old one is dead"
        if verb.lower() == "retry":
            station.retry(rest.strip())
            return f"{rest.strip()} is tried again"
        found = scan.find(text, station.ports, bench.journal)
        self._marked = found.port
        return found.words

    def _run(self) -> None:
        self._bench.run([self], self._ended)
        self._over = True


def show(bench: Bench, bell: bool) -> None:
    """The screen until Ctrl+Q, or until the rehearsal is over."""
    StationScreen(bench, bell).run()
