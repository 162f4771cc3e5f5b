"""Who may register and call: the fleet's list of voice accounts, from a file of it or from the fleet itself.

`plugtone voice subscribers` writes the file, as CSV or as JSON, an object a line. It holds digests, never passwords.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from tools.errors import ToolError

MAX_SUBSCRIBERS: Final = 100_000
_DIGEST_CHARS: Final = (32, 64)


class SubscriberError(ToolError):
    """A list of subscribers that cannot be read: which, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A voice account as a registrar knows it; `level` is none, emergency_only, outgoing_only or full."""

    serial: str
    user: str
    domain: str
    realm: str
    level: str
    ha1_md5: str
    ha1_sha256: str
    barred: str = ""  # beginnings of numbers it may not call; with ! before it: open within another; the longest counts

    def may_call(self, number: str) -> bool:
        """Whether nothing bars a call to that number, 011 before it or + alike."""
        number = "+" + number[3:] if number.startswith("011") else number
        fitting = [rule for rule in self.barred.split() if number.startswith(rule.removeprefix("!"))]
        return not fitting or max(fitting, key=lambda rule: len(rule.removeprefix("!"))).startswith("!")

    def __repr__(self) -> str:
        return f"Subscriber({self.serial})"


COLUMNS: Final = tuple(column.name for column in fields(Subscriber))
Subscribers = Mapping[str, Subscriber]
Read = Callable[[], Subscribers | None]
"""The list as it is now, by user; None if it is as it was."""


def read_lines(lines: Iterable[str]) -> Subscribers:
    """Either form of the list; SubscriberError with the number of the line that is none."""
    found: dict[str, Subscriber] = {}
    for number, row in enumerate(_rows(iter(lines)), start=1):
        try:
            subscriber = Subscriber(**{name: str(row[name]) for name in COLUMNS})
        except (KeyError, TypeError) as error:
            raise SubscriberError(f"subscriber {number} has no {error}") from error
        if (len(subscriber.ha1_md5), len(subscriber.ha1_sha256)) != _DIGEST_CHARS:
            raise SubscriberError(f"the digests of subscriber {number} are not whole")
        if number > MAX_SUBSCRIBERS:
            raise SubscriberError(f"more than {MAX_SUBSCRIBERS} subscribers")
        found[subscriber.user] = subscriber
    return found


class SubscriberFile:
    """The list in a file, read again when that has changed; a file that cannot be read leaves what was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self.fault = ""

    def __call__(self) -> Subscribers | None:
        try:
            facts = self._path.stat()
            seen = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
            if seen == self._seen:
                return None
            with self._path.open(encoding="utf-8", newline="") as file:
                found = read_lines(file)
        except (OSError, UnicodeError, SubscriberError) as error:
            self.fault = f"{self._path}: {error}"
            return None
        self._seen, self.fault = seen, ""
        return found


def _rows(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    first = next(lines, "")
    if first.startswith("{"):
        for line in (first, *lines):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise SubscriberError(f"no JSON: {error}") from error
        return
    header = next(csv.reader([first]), [])
    for row in csv.reader(lines):
        if len(row) != len(header):
            raise SubscriberError(f"a line of {len(row)} columns, the header has {len(header)}")
        yield dict(zip(header, row, strict=True))
