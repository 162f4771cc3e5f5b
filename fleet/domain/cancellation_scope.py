"""Which services of an account a cancellation ends, and for which units that is the end (equipment rules 3.4, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from fleet.domain.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Scope:
    """`names` are the lines that end; with `everything` all lines, later ones too, but those of `names`."""

    names: frozenset[str]
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.names)

    def covers(self, line: str) -> bool:
        """Whether `line` ends."""
        return (line in self.names) is not self.everything

    def units_ended(self, lines_of_units: Mapping[str, AbstractSet[str]]) -> list[str]:
        """The units whose last line ends, in their order; one without any line ends with the whole account."""
        ended = []
        for unit, lines in lines_of_units.items():
            left = [line for line in lines if not self.covers(line)]
            if not left and (lines or self == WHOLE_ACCOUNT):
                ended.append(unit)
        return ended


WHOLE_ACCOUNT = Scope(frozenset(), everything=True)


def part_of_account(*lines: str) -> Scope:
    """A partial cancellation; InvalidError if it names nothing."""
    if not lines:
        raise InvalidError("a partial cancellation names the lines that end; got none")
    return Scope(frozenset(lines))
