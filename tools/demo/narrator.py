"""Tells the story: one line a step, with the time it took, and a summary of what was observed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(slots=True)
class Step:
    """One step of the story; `observed` is what was seen, empty while it has not been."""

    title: str
    at_s: float
    observed: str = ""
    error: str = ""
    took_s: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    def see(self, observed: str, **facts: Any) -> None:
        """Say what was observed; without it the step counts as not seen."""
        self.observed = observed
        self.facts.update(facts)


class Narrator:
    """Prints steps as they happen (or one JSON object at the end) and remembers them."""

    def __init__(self, as_json: bool) -> None:
        self.steps: list[Step] = []
        self.started = time.monotonic()
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A step that must `see` something before it ends; an error is told and passed on."""
        step = Step(title, time.monotonic() - self.started)
        self.steps.append(step)
        begun = time.monotonic()
        try:
            yield step
            if not step.observed:
                step.error = "ended, but nothing was observed"
        except BaseException as error:
            step.error = f"{type(error).__name__}: {error}"
            raise
        finally:
            step.took_s = time.monotonic() - begun
            self._tell(step)

    def say(self, line: str) -> None:
        """A line between steps."""
        if not self._as_json:
            self._console.print(f"[dim]{' ' * 17}{escape(line)}[/dim]")

    @property
    def all_observed(self) -> bool:
        """Whether every step so far was observed."""
        return bool(self.steps) and all(step.observed and not step.error for step in self.steps)

    def summary(self, rows: list[dict[str, Any]], columns: list[tuple[str, str]], measured: Mapping[str, Any]) -> None:
        """End the story: a table (key and heading a column) and the verdict; `measured` goes into the JSON only."""
        total = time.monotonic() - self.started
        seen = sum(1 for step in self.steps if step.observed and not step.error)
        if self._as_json:
            document = {
                "observed": self.all_observed,
                "seconds": round(total, 2),
                "steps": [
                    {
                        "title": s.title,
                        "seconds": round(s.took_s, 3),
                        "observed": s.observed,
                        "error": s.error,
                        **s.facts,
                    }
                    for s in self.steps
                ],
                "units": rows,
                **measured,
            }
            print(json.dumps(document, indent=1, default=str))
            return
        table = Table(title="The units at the end of the story", title_justify="left", show_edge=False, pad_edge=False)
        for _, heading in columns:
            table.add_column(heading)
        for row in rows:
            table.add_row(*(escape(str(row.get(key, ""))) for key, _ in columns))
        self._console.print()
        self._console.print(table)
        verdict = (
            "[bold green]Every step was observed[/]"
            if self.all_observed
            else "[bold red]Not every step was observed[/]"
        )
        self._console.print(f"\n{verdict}: {seen} of {len(self.steps)} in {total:.1f} s.")

    def _tell(self, step: Step) -> None:
        if self._as_json:
            return
        mark = "[red]failed[/]" if step.error else "[green]  ok  [/]"
        self._console.print(f"{step.at_s:6.1f} s {mark} [bold]{escape(step.title)}[/]  [dim]{step.took_s:.2f} s[/]")
        for line in (step.observed or "").splitlines():
            self._console.print(f"{' ' * 17}{escape(line)}")
        if step.error:
            self._console.print(f"{' ' * 17}[red]{escape(step.error)}[/]")
