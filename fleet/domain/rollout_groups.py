"""Which group of a rollout a unit is in: the plan as data, and membership by a point. Pure; nothing is enumerated.

- A unit's point is a number in [0, 1), made of its serial number and the rollout's reference by SHA-256 (`point_of`):
  the same at every look, uniform over the fleet, and independent between two rollouts, so that no home is the canary
  of every release.
- The hold-back is the upper end of that line: a unit whose point is at or above 1 - hold_back is never given the
  release by this rollout; it is what the others are compared with.
- Below it the first group wins whose filter takes the unit and whose `up_to` lies above its point. A group that
  grows takes units from later groups only, never from the hold-back, and gives none away.
- The last group takes whatever is left, so a target is in exactly one group or in the hold-back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from fleet.domain.errors import InvalidError

MAX_GROUPS = 32
MAX_FILTER_VALUES = 200
MAX_NAME_CHARACTERS = 40
MAX_HOLD_BACK = 0.95
MAX_SOAK = timedelta(days=90)
MAX_DEADLINE = timedelta(days=90)
POINT_BITS = 53  # what a float holds exactly


class Then(StrEnum):
    """What comes after a group that went well."""

    NEXT = "next"
    PAUSE = "pause"


class Joining(StrEnum):
    """REGISTERED: units that first registered before the start. DYNAMIC: later ones too, and they count as well."""

    REGISTERED = "registered"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What a filter may ask of a unit, as it stands when the unit checks in; `account` empty: it has none."""

    serial: str
    board: str
    revision: int
    version: str
    channel: str
    account: str
    condition: str


FIELDS = ("board", "revision", "version", "channel", "account", "condition")


@dataclass(frozen=True, slots=True)
class Filter:
    """Of each field the values that are taken; a field without values takes all."""

    board: frozenset[str] = frozenset()
    revision: frozenset[int] = frozenset()
    version: frozenset[str] = frozenset()
    channel: frozenset[str] = frozenset()
    account: frozenset[str] = frozenset()
    condition: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for field in FIELDS:
            if len(getattr(self, field)) > MAX_FILTER_VALUES:
                raise InvalidError(
                    f"a filter has at most {MAX_FILTER_VALUES} values of {field}, got {len(getattr(self, field))}; "
                    "filter by another field"
                )

    def takes(self, facts: UnitFacts) -> bool:
        """Whether the unit is among those meant."""
        return self.refused_field(facts) is None

    def refused_field(self, facts: UnitFacts) -> str | None:
        """The first field by which the unit is not among those meant."""
        return next((name for name in FIELDS if (of := getattr(self, name)) and getattr(facts, name) not in of), None)


ALL = Filter()


@dataclass(frozen=True, slots=True)
class Group:
    """A step of a rollout: the units up to a share of the fleet (or about `size` of them) that the filter takes.

    It went well when, of at least `minimum` units that settled, the share `success` is confirmed, and `soak` is over
    since the minimum was reached. A unit that has not said how it ended within `deadline` of its assignment counts as
    failed, and so does a group without its minimum `deadline` after it was opened.
    """

    name: str
    up_to: float = 1.0  # share of the fleet, 0 to 1, the groups before it included
    size: int | None = None  # in place of a share: takes nobody before `Plan.fixed` made a share of it
    filter: Filter = ALL
    success: float = 0.95
    minimum: int = 1
    soak: timedelta = timedelta(hours=24)
    deadline: timedelta = timedelta(hours=48)
    then: Then = Then.NEXT

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME_CHARACTERS:
            raise InvalidError(f"a group's name has 1 to {MAX_NAME_CHARACTERS} characters, got {self.name[:60]!r}")
        self._in_range("up_to_percent", self.up_to * 100, 0.0 < self.up_to <= 1.0, "more than 0, at most 100")
        self._in_range("size", self.size or 0, self.size is None or self.size >= 1, "1 or more")
        self._in_range("success_percent", self.success * 100, 0.0 < self.success <= 1.0, "more than 0, at most 100")
        self._in_range("minimum_units", self.minimum, self.minimum >= 1, "1 or more")
        soak = timedelta(0) <= self.soak <= MAX_SOAK
        self._in_range("soak_hours", _hours(self.soak), soak, f"0 to {_hours(MAX_SOAK):g}")
        deadline = timedelta(0) < self.deadline <= MAX_DEADLINE
        self._in_range(
            "deadline_hours", _hours(self.deadline), deadline, f"more than 0, at most {_hours(MAX_DEADLINE):g}"
        )

    def _in_range(self, what: str, value: float, holds: bool, allowed: str) -> None:
        if not holds:
            raise InvalidError(f"group {self.name!r}: {what} is {value:g}, allowed is {allowed}")


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a unit stands in a rollout: in the group of that index, or held back (None)."""

    group: int | None

    def is_open(self, opened: int) -> bool:
        """Whether the unit may have the release now that the first `opened` groups are open."""
        return self.group is not None and self.group < opened


HELD_BACK = Placement(None)


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom a rollout is for, whom it holds back, and its groups in order; InvalidError says what is wrong with it."""

    groups: tuple[Group, ...]
    hold_back: float = 0.0  # share of the targets, 0 to 1
    targets: Filter = ALL
    joining: Joining = Joining.REGISTERED

    def __post_init__(self) -> None:
        if not 0.0 <= self.hold_back <= MAX_HOLD_BACK:
            raise InvalidError(
                f"hold_back_percent is {self.hold_back * 100:g}, allowed is 0 to {MAX_HOLD_BACK * 100:g}"
            )
        if not 1 <= len(self.groups) <= MAX_GROUPS:
            raise InvalidError(f"a plan has 1 to {MAX_GROUPS} groups, got {len(self.groups)}")
        names = [group.name for group in self.groups]
        for name in names:
            if names.count(name) > 1:
                raise InvalidError(f"two groups are called {name!r}; give each a name of its own")
        last = self.groups[-1]
        if last.filter != ALL or last.up_to < 1.0 or last.size is not None:
            raise InvalidError(
                f"the last group, {last.name!r}, leaves units out: let it have no filter, no size and no "
                "up_to_percent (or 100); to reach a part of the fleet, hold the rest back"
            )
        self._check_growth()

    def _check_growth(self) -> None:
        """Each unfiltered share above the one before, and something left for the last group."""
        reached, by = 0.0, ""
        for group in self.groups[:-1]:
            if group.filter != ALL or group.size is not None:
                continue
            if group.up_to <= reached:
                raise InvalidError(
                    f"group {group.name!r} reaches {group.up_to * 100:g} % of the fleet, and {by!r} before it "
                    f"{reached * 100:g} % already; let each reach more than the one before"
                )
            if group.up_to >= 1.0 - self.hold_back:
                raise InvalidError(
                    f"group {group.name!r} reaches {group.up_to * 100:g} % and {self.hold_back * 100:g} % are held "
                    "back: nobody is left for the groups after it; let it reach less"
                )
            reached, by = group.up_to, group.name

    def fixed(self, populations: Sequence[int]) -> Plan:
        """The plan with shares for sizes; `populations`: of each group how many targets its filter takes, counted once.

        A group of size n then has about n units (binomial), however the fleet grows after.
        """
        reached, groups = 0.0, []
        for group, population in zip(self.groups, populations, strict=True):
            if group.size is not None:
                share = min(1.0, reached + group.size / max(population, 1))
                group = replace(group, up_to=share, size=None)  # noqa: PLW2901 - the same group, fixed
            if group.filter == ALL:
                reached = max(reached, group.up_to)
            groups.append(group)
        return replace(self, groups=tuple(groups))

    def sizes(self, targets: int, populations: Sequence[int]) -> tuple[int, ...]:
        """About how many of `targets` units each group has; `populations` as for `fixed`, and sizes are shares already.

        Taken are filters that have nothing to do with each other; the last group has whoever is left.
        """
        most, reached, sizes = 1.0 - self.hold_back, 0.0, []
        for group, population in zip(self.groups[:-1], populations[:-1], strict=True):
            up_to = min(group.up_to, most)
            if group.filter == ALL:
                sizes.append(round(targets * max(0.0, up_to - reached)))
                reached = max(reached, up_to)
            else:
                sizes.append(round(population * up_to))
        return (*sizes, max(0, round(targets * most) - sum(sizes)))

    def place(self, facts: UnitFacts, point: float) -> Placement | None:
        """Where that unit stands, whatever group is open; None: it is no target."""
        if not self.targets.takes(facts):
            return None
        if point >= 1.0 - self.hold_back:
            return HELD_BACK
        for index, group in enumerate(self.groups[:-1]):
            if group.size is None and point < group.up_to and group.filter.takes(facts):
                return Placement(index)
        return Placement(len(self.groups) - 1)


def point_of(serial: str, rollout: str) -> float:
    """The unit's point in [0, 1) for the rollout of that reference (`RO-7`).

    The first 53 bits, most significant first, of SHA-256("plugtone rollout\\0" + rollout + "\\0" + serial), over 2^53.
    """
    digest = hashlib.sha256(f"plugtone rollout\0{rollout}\0{serial}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> (64 - POINT_BITS)) / (1 << POINT_BITS)


def _hours(period: timedelta) -> float:
    return period / timedelta(hours=1)
