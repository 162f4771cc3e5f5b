"""A rollout's plan as people write it: tables and lists (of TOML, of JSON) into a Course and back. Pure.

Every value out of place is refused with its place (`group 2 (wide): soak_hours`), what was seen and what is allowed;
so is every key nobody knows, for a misspelt limit must not be no limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from fleet.domain.errors import InvalidError
from fleet.domain.rollout_course import Course
from fleet.domain.rollout_gate import USUAL_SLOT, Pace
from fleet.domain.rollout_groups import ALL, FIELDS, Filter, Group, Joining, Plan, Then
from fleet.domain.rollout_stop import EvidenceRule, PlainRule

Choice = TypeVar("Choice", bound=StrEnum)
PERCENT: Final = 100
PERCENT_DIGITS: Final = 6  # kept of a percentage
MAX_NUMBER: Final = 1_000_000_000
MAX_TEXT_CHARACTERS: Final = 100
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_USUAL: Final = Group("usual")
_NUMBERS: Final = frozenset({"revision"})  # fields of a filter


def read_course(data: Mapping[str, object]) -> Course:
    """The course that `data` describes; InvalidError for what it cannot mean."""
    table = _Table("the plan", data)
    groups = table.tables("group")
    course = Course(
        Plan(
            groups=tuple(_group(number, each, number == len(groups)) for number, each in enumerate(groups, 1)),
            hold_back=table.share("hold_back_percent", 0.0),
            targets=_filter(table.table("targets")),
            joining=table.choice("joining", Joining.REGISTERED),
        ),
        evidence=_evidence(table.table("evidence")),
        plain=_plain(table.table("plain")),
        pause_after_failures=table.whole("pause_after_failures"),
        send_back_to=table.text("send_back_to"),
        pace=_pace(table.table("pace")),
    )
    table.finish()
    if course.pace is not None:
        for group in course.plan.groups:
            course.pace.check(group)
    if course.evidence is not None and not course.plan.hold_back:
        raise InvalidError("evidence compares with units held back: give hold_back_percent, 5 for instance")
    if course.pause_after_failures is not None and course.pause_after_failures < 1:
        raise InvalidError(f"pause_after_failures is {course.pause_after_failures}, allowed is 1 or more")
    return course


def write_course(course: Course) -> dict[str, object]:
    """What `read_course` makes that course of, but for percentages of more than PERCENT_DIGITS digits."""
    plan, evidence, plain, pace = course.plan, course.evidence, course.plain, course.pace
    return _given(
        {
            "hold_back_percent": _percent(plan.hold_back),
            "joining": str(plan.joining),
            "targets": _filter_data(plan.targets),
            "group": [_group_data(group) for group in plan.groups],
            "evidence": evidence
            and {
                "excess_limit_percent": _percent(evidence.limit),
                "false_alarm_percent": _percent(evidence.false_alarm),
                "minimum_failures": evidence.minimum,
            },
            "plain": plain and {"failed_percent": _percent(plain.failed), "minimum_units": plain.minimum},
            "pause_after_failures": course.pause_after_failures,
            "send_back_to": course.send_back_to,
            "pace": pace and _pace_data(pace),
        }
    )


def _group(number: int, data: Mapping[str, object], last: bool) -> Group:
    name = data.get("name", "")
    table = _Table(f"group {number} ({name})" if name else f"group {number}", data)
    size, up_to = table.whole("size"), table.share("up_to_percent", -1.0)
    taken = _filter(table.table("filter"))
    if size is not None and up_to >= 0:
        raise InvalidError(f"{table.place} has size and up_to_percent: give one of them")
    if size is None and up_to < 0 and taken == ALL and not last:
        raise InvalidError(f"{table.place} leaves no unit to later groups: give it up_to_percent, size or a filter")
    minimum = table.whole("minimum_units")
    group = Group(
        name=table.text("name") or f"group {number}",
        up_to=up_to if up_to >= 0 else 1.0,
        size=size,
        filter=taken,
        success=table.share("success_percent", _USUAL.success),
        minimum=_USUAL.minimum if minimum is None else minimum,
        soak=table.hours("soak_hours", _USUAL.soak),
        deadline=table.hours("deadline_hours", _USUAL.deadline),
        then=table.choice("then", Then.NEXT),
    )
    table.finish()
    return group


def _group_data(group: Group) -> dict[str, object]:
    whole = group.size is None and group.up_to >= 1.0
    return _given(
        {
            "name": group.name,
            "size": group.size,
            "up_to_percent": None if whole or group.size is not None else _percent(group.up_to),
            "filter": _filter_data(group.filter),
            "success_percent": _percent(group.success),
            "minimum_units": group.minimum,
            "soak_hours": group.soak / _HOUR,
            "deadline_hours": group.deadline / _HOUR,
            "then": str(group.then),
        }
    )


def _filter(table: _Table | None) -> Filter:
    if table is None:
        return ALL
    taken = Filter(**{field: table.values(field, int if field in _NUMBERS else str) for field in FIELDS})  # type: ignore[arg-type]
    table.finish()
    return taken


def _filter_data(taken: Filter) -> dict[str, object] | None:
    return {field: sorted(getattr(taken, field)) for field in FIELDS if getattr(taken, field)} or None


def _evidence(table: _Table | None) -> EvidenceRule | None:
    if table is None:
        return None
    usual = EvidenceRule()
    limit = table.share("excess_limit_percent", usual.limit)
    false_alarm = table.share("false_alarm_percent", usual.false_alarm)
    minimum = table.whole("minimum_failures")
    table.finish()
    return EvidenceRule(limit, false_alarm, usual.minimum if minimum is None else minimum)


def _plain(table: _Table | None) -> PlainRule | None:
    if table is None:
        return None
    failed, minimum = table.share("failed_percent", 0.0), table.whole("minimum_units")
    table.finish()
    return PlainRule(failed, 1 if minimum is None else minimum)


def _pace(table: _Table | None) -> Pace | None:
    if table is None:
        return None
    units, slots = table.whole("units_per_hour"), table.whole("download_slots")
    slot = table.minutes("slot_minutes", USUAL_SLOT)
    table.finish()
    return Pace(units, slots, slot)


def _pace_data(pace: Pace) -> dict[str, object]:
    minutes = pace.slot / _MINUTE
    return _given(
        {"units_per_hour": pace.units_per_hour, "download_slots": pace.download_slots, "slot_minutes": minutes}
    )


def _given(data: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in data.items() if value is not None}


def _percent(share: float) -> float:
    return round(share * PERCENT, PERCENT_DIGITS)


class _Table:
    """A table that is read key by key; what is left at the end nobody knows."""

    def __init__(self, place: str, data: Mapping[str, object]) -> None:
        self.place = place
        self._left = dict(data)
        self._known: list[str] = []

    def finish(self) -> None:
        """InvalidError if there was a key that nobody asked for."""
        if self._left:
            unknown = ", ".join(sorted(self._left))[:MAX_TEXT_CHARACTERS]
            raise InvalidError(f"{self.place} has {unknown}, which nobody knows; known are {', '.join(self._known)}")

    def share(self, key: str, default: float) -> float:
        """A percentage as a share."""
        value = self._number(key, "a percentage of 0 to 100")
        return default if value is None else value / PERCENT

    def hours(self, key: str, default: timedelta) -> timedelta:
        value = self._number(key, "a number of hours")
        return default if value is None else value * _HOUR

    def minutes(self, key: str, default: timedelta) -> timedelta:
        value = self._number(key, "a number of minutes")
        return default if value is None else value * _MINUTE

    def whole(self, key: str) -> int | None:
        value = self._take(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER):
            return value
        raise self._wrong(key, value, "a whole number")

    def text(self, key: str) -> str | None:
        value = self._take(key)
        if value is None or (isinstance(value, str) and 1 <= len(value) <= MAX_TEXT_CHARACTERS):
            return value
        raise self._wrong(key, value, f"a text of 1 to {MAX_TEXT_CHARACTERS} characters")

    def choice(self, key: str, default: Choice) -> Choice:
        value = self._take(key)
        choices = type(default)
        if value is None:
            return default
        if isinstance(value, str) and value in {str(each) for each in choices}:
            return choices(value)
        raise self._wrong(key, value, " or ".join(repr(str(each)) for each in choices))

    def values(self, key: str, kind: type[int] | type[str]) -> frozenset[int] | frozenset[str]:
        """A list of values of one kind, or one value."""
        value = self._take(key)
        found = value if isinstance(value, list) else [] if value is None else [value]
        if (isinstance(value, list) and not value) or not all(type(each) is kind for each in found):
            what = "whole number" if kind is int else "text"
            raise self._wrong(key, value, f"a {what} or a list of at least one")
        return frozenset(found)

    def table(self, key: str) -> _Table | None:
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self._wrong(key, value, "a table")
        return _Table(f"{self.place}, {key}", value)

    def tables(self, key: str) -> list[Mapping[str, object]]:
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            raise self._wrong(key, value, "a list of tables")
        return value

    def _number(self, key: str, allowed: str) -> float | None:
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_NUMBER:
            raise self._wrong(key, value, allowed)
        return float(value)

    def _take(self, key: str) -> object:
        self._known.append(key)
        return self._left.pop(key, None)

    def _wrong(self, key: str, value: object, allowed: str) -> InvalidError:
        seen = "missing" if value is None else repr(value)[:MAX_TEXT_CHARACTERS]
        return InvalidError(f"{self.place}: {key} is {seen}, it has to be {allowed}")
