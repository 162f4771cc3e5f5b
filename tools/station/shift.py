"""What happened at the bench, a line a settled board, kept for ever; and the report of a shift out of it.

`events.jsonl` is written at the end only, each line on disk before the next board: a line that a power cut left half
written is skipped. It names units, never people but by their number at the fleet.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from tools.station.port_states import AWAITING, SETTLED, PortState
from tools.station.provision import STEPS
from tools.station.run import Port

EVENTS: Final = "events.jsonl"
DECILES: Final = 10
LOST: Final = "no reason was kept"


@dataclass(frozen=True, slots=True)
class Event:
    """A board came to an end of its way, or had to wait; times in seconds."""

    at: str
    shift: str
    operator: str
    port: str
    board_uid: str
    serial: str
    state: str
    reason: str = ""
    step: str = ""
    seconds: float = 0.0
    took_s: Mapping[str, float] = field(default_factory=dict)


class ShiftJournal:
    """The events in `folder`; a listener of the station. `operator` says who works now."""

    def __init__(
        self,
        folder: Path,
        operator: Callable[[], str] = lambda: "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / EVENTS
        self._operator = operator
        self._now = now
        self._lock = threading.Lock()
        self._shift = now().isoformat(timespec="seconds")

    def changed(self, before: Port, port: Port) -> None:
        """Keeps what a board came to."""
        if port.state is before.state or port.state not in SETTLED | AWAITING:
            return
        event = Event(
            at=self._now().isoformat(timespec="seconds"),
            shift=self._shift,
            operator=self._operator(),
            port=port.name,
            board_uid=port.board.uid,
            serial=port.board.serial,
            state=port.state,
            reason=port.reason,
            step=port.step,
            seconds=round(port.ended_s - port.began_s, 3),
            took_s={step: round(took, 3) for step, took in port.took_s.items()},
        )
        line = json.dumps(asdict(event)).encode() + b"\n"
        with self._lock:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, b"" if _ends_whole(self._path) else b"\n")
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def events(self) -> list[Event]:
        """Every event, the oldest first."""
        return read_events(self._path)


def read_events(path: Path) -> list[Event]:
    """The events in a file; what is no whole line is skipped."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            found.append(Event(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


@dataclass(frozen=True, slots=True)
class StepTimes:
    """How long a step took, in seconds, over the boards that are done."""

    step: str
    times: int
    median_s: float
    p90_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """A shift in figures. A board counts once, whatever it took; `first_time` are done without a failure before."""

    begun: str
    ended: str
    operators: tuple[str, ...]
    boards: int
    done: int
    first_time: int
    waiting: int
    failed: int
    reasons: tuple[tuple[str, int], ...]
    steps: tuple[StepTimes, ...]

    @property
    def yield_percent(self) -> float:
        """Done of those that are done or failed."""
        return _percent(self.done, self.done + self.failed)

    @property
    def first_yield_percent(self) -> float:
        """Done at the first try, of the same."""
        return _percent(self.first_time, self.done + self.failed)


def report_of(events: Iterable[Event]) -> Report:
    """What these events come to."""
    told = list(events)
    by_board: dict[str, list[Event]] = {}
    for event in told:
        by_board.setdefault(event.board_uid or f"on {event.port} at {event.at}", []).append(event)
    last = [history[-1].state for history in by_board.values()]
    failures = [event for event in told if event.state == PortState.FAILED]
    first = [
        history
        for history in by_board.values()
        if history[-1].state == PortState.DONE and all(event.state != PortState.FAILED for event in history)
    ]
    done = [event for event in told if event.state == PortState.DONE]
    return Report(
        begun=told[0].shift if told else "",
        ended=told[-1].at if told else "",
        operators=tuple(sorted({event.operator for event in told if event.operator})),
        boards=len(by_board),
        done=last.count(PortState.DONE),
        first_time=len(first),
        waiting=sum(state in AWAITING for state in last),
        failed=last.count(PortState.FAILED),
        reasons=tuple(Counter(_reason(event) for event in failures).most_common()),
        steps=tuple(_times(step, done) for step in STEPS if any(step in event.took_s for event in done)),
    )


def shift_of(events: list[Event], shift: str) -> list[Event]:
    """The events of the shift that began at `shift`; empty: of the last one, `all`: every event."""
    if shift == "all":
        return events
    wanted = shift or (events[-1].shift if events else "")
    return [event for event in events if event.shift == wanted]


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs."""
    facts = asdict(report)
    facts["reasons"] = [{"reason": reason, "times": times} for reason, times in report.reasons]
    return {**facts, "yield_percent": report.yield_percent, "first_yield_percent": report.first_yield_percent}


def _reason(event: Event) -> str:
    """Why a board failed, without its own name, so that the same fault counts as one."""
    text = event.reason.replace(event.serial, "the unit") if event.serial else event.reason
    return f"{event.step}: {text or LOST}"


def _times(step: str, done: list[Event]) -> StepTimes:
    took = [event.took_s[step] for event in done if step in event.took_s]
    p90 = quantiles(took, n=DECILES, method="inclusive")[-1] if len(took) > 1 else took[0]
    return StepTimes(step, len(took), round(median(took), 3), round(p90, 3))


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
