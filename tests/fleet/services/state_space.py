"""Finds every state that acts lead to, and tries every act there: what no table lists is refused without a trace.

A world is a database, acts and the tables they move. It is walked from its beginning, breadth first; each joint state
is kept as the bytes of its database, so that every act begins at the same row, and a refused one leaves those bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fleet.domain.access import ForbiddenError
from fleet.domain.errors import FleetError
from fleet.services.build import Services
from fleet.store.base import metadata

MAX_STATES = 400
Table = Mapping[tuple[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Act:
    """What people, units or jobs do.

    `events`: what it asks of tables; where it happens, each of those tables lists one of them for the state. `may`:
    what else it does where that is possible, and leaves undone where it is not. `also_at`: states of another step of
    the way, at which it is something else than what `events` say. `noted_in`: the one table that keeps its refusals.
    """

    name: str
    do: Callable[[], object]
    events: tuple[StrEnum, ...] = ()
    may: tuple[StrEnum, ...] = ()
    also_at: tuple[StrEnum, ...] = ()
    noted_in: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """`states`: where the row of each table is now, None before there is one; of a name without a table just a part."""

    services: Services
    tables: Mapping[str, Table]
    states: Callable[[], Mapping[str, Any]]
    acts: Iterable[Act]


@dataclass(slots=True)
class Walk:
    """What was seen: joint states, states reached, steps that happened, steps that were refused; and what is wrong."""

    joint: int = 0
    reached: set[str] = field(default_factory=set)
    happened: set[tuple[str, str]] = field(default_factory=set)
    refused: set[tuple[str, str]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def add(self, other: Walk) -> None:
        """Take in what another world showed."""
        self.joint += other.joint
        self.reached |= other.reached
        self.happened |= other.happened
        self.refused |= other.refused
        self.faults += other.faults


def name_of(member: StrEnum) -> str:
    """As Custody.LOST: members of two enums with one value are equal."""
    return f"{type(member).__name__}.{member.name}"


def walk(world: World) -> Walk:
    """Every act at every joint state; the world ends at its last one."""
    found, base = Walk(), _image(world.services)
    known = {tuple(world.states().values()): base}
    waiting = deque(known.values())
    acts = list(world.acts)
    while waiting and len(known) <= MAX_STATES:
        here = waiting.popleft()
        _restore(world.services, here)
        states = world.states()
        found.reached |= {name_of(states[name]) for name in world.tables if states[name] is not None}
        for act in acts:
            _restore(world.services, here)
            if _try(world, act, found) and (joint := tuple(world.states().values())) not in known:
                known[joint] = _image(world.services)
                waiting.append(known[joint])
    if waiting:
        found.faults.append(f"more than {MAX_STATES} joint states: too many to try every act at each")
    found.joint = len(known)
    return found


def _try(world: World, act: Act, found: Walk) -> bool:
    """Whether the act changed anything."""
    states, image = world.states(), _image(world.services)
    asked = [
        (name, [event for event in act.events if _is_of(table, event)])
        for name, table in world.tables.items()
        if states[name] is not None
    ]
    pairs = {(name_of(states[name]), name_of(event)) for name, events in asked for event in events}
    try:
        act.do()
    except (FleetError, ForbiddenError):
        found.refused |= pairs
        if image != _image(world.services) and not _same(world.services, image, act.noted_in):
            found.faults.append(f"{act.name} was refused at {list(states.values())}, and left a trace")
        return False
    if image == _image(world.services) or _same(world.services, image):
        found.refused |= pairs  # what is so already was said once more
        return False
    for name, events in asked:
        listed = any((states[name], event) in world.tables[name] for event in events)
        if events and not listed and not any(_is_the_same(states[name], state) for state in act.also_at):
            found.faults.append(f"{act.name} happened at {name_of(states[name])}, which lists none of it")
    after = world.states()
    for name, table in world.tables.items():
        steps = [event for (state, event), target in table.items() if (state, target) == (states[name], after[name])]
        between = {target for (state, _), target in table.items() if state == states[name]}
        leads = steps or any((state in between and target == after[name]) for (state, _), target in table.items())
        if states[name] not in (None, after[name]) and not leads:
            found.faults.append(f"{act.name} led from {name_of(states[name])} to {name_of(after[name])}, by no rows")
        done = [event for event in steps if any(_is_the_same(event, each) for each in (*act.events, *act.may))]
        found.happened |= {(name_of(states[name]), name_of(event)) for event in done}
    return True


def _is_of(table: Table, event: StrEnum) -> bool:
    return any(_is_the_same(event, each) for _, each in table)


def _is_the_same(one: StrEnum, other: StrEnum) -> bool:
    return type(one) is type(other) and one is other


def _image(services: Services) -> bytes:
    raw = services.transactions.engine.raw_connection()
    try:
        return bytes(raw.driver_connection.serialize())  # type: ignore[union-attr]
    finally:
        raw.close()


def _restore(services: Services, image: bytes) -> None:
    raw = services.transactions.engine.raw_connection()
    try:
        raw.driver_connection.deserialize(image)  # type: ignore[union-attr]
    finally:
        raw.close()


def _same(services: Services, image: bytes, apart_from: str = "") -> bool:
    """Whether all rows are those of `image`, which lay in other bytes."""
    now, kept = _rows(services), _image(services)
    _restore(services, image)
    before = _rows(services)
    _restore(services, kept)
    return all(now[table] == before[table] for table in before if table != apart_from)


def _rows(services: Services) -> dict[str, list[Any]]:
    """Every row of every table, read past SQLAlchemy: this is asked at every act."""
    raw = services.transactions.engine.raw_connection()
    try:
        cursor: Any = raw.cursor()
        return {name: list(cursor.execute(f'SELECT * FROM "{name}"')) for name in metadata.tables}
    finally:
        raw.close()
