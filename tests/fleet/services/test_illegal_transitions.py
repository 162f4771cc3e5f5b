"""Every act at every state: what no table lists is refused, and rows, audit and outbox stay as they were."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from enum import StrEnum

import pytest

import fleet.domain
from fleet.domain.access import Actor
from fleet.domain.cancellation import CancellationEvent
from fleet.domain.errors import IllegalTransitionError
from fleet.domain.mac_address import AddressEvent
from fleet.domain.rma import ReturnEvent
from fleet.domain.termination import BreachEvent
from fleet.domain.transitions import advance
from fleet.domain.unit import CustodyEvent, ServiceEvent
from fleet.services.build import build_services
from fleet.settings import Settings
from fleet.store.base import metadata
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse
from tests.fleet.services.equipment_stage import Stage
from tests.fleet.services.equipment_worlds import WORLDS
from tests.fleet.services.state_space import Table, Walk, name_of, walk

# Tables that are no equipment's, or that no service moves yet, and where they are tested.
ELSEWHERE = {
    "minimum_version.TRANSITIONS": "tests/fleet/services/test_minimum_versions.py",
    "people.PERSON_TRANSITIONS": "tests/fleet/services/test_people.py",
    "rollout.TRANSITIONS": "tests/fleet/services/test_rollout_model.py",
}
# Nobody asks for these: they follow from something else where a table lists them. That no state moves by anything but
# a row of its table is checked of every act.
CONSEQUENCES: tuple[StrEnum, ...] = (
    *(CancellationEvent.REPLACE, CancellationEvent.COMPLETE, CancellationEvent.OVERTAKE, BreachEvent.OVERTAKE),
    *(ReturnEvent.EXPIRE, ServiceEvent.ACTIVATE, ServiceEvent.REPLACE),
    *(CustodyEvent.RELEASE, CustodyEvent.ARRIVE, CustodyEvent.SEND_BACK),
    *(event for event in AddressEvent if event is not AddressEvent.SCRAP),
)


def tables() -> dict[str, Table]:
    """Every state machine of the domain, by module and name."""
    found = {}
    for module in pkgutil.iter_modules(fleet.domain.__path__):
        for name, value in vars(importlib.import_module(f"fleet.domain.{module.name}")).items():
            if isinstance(value, dict) and value and all(_is_step(key) for key in value):
                found[f"{module.name}.{name}"] = value
    return found


def _is_step(key: object) -> bool:
    return isinstance(key, tuple) and len(key) == 2 and all(isinstance(part, StrEnum) for part in key)


def _members(table: Table) -> tuple[list[StrEnum], list[StrEnum]]:
    """All states and all events, listed or not."""
    state, event = next(iter(table))
    return list(type(state)), list(type(event))


@pytest.mark.parametrize("name", tables())
def test_a_table_answers_for_every_state_and_event(name: str) -> None:
    table = tables()[name]
    states, events = _members(table)
    assert {event for _, event in table} == set(events), "an event that nothing lists"
    for state in states:
        for event in events:
            if (state, event) in table:
                assert advance(table, state, event, "it") is table[state, event]
            else:
                with pytest.raises(IllegalTransitionError, match=f"it is {state}: {event} is not possible now"):
                    advance(table, state, event, "it")


def test_every_act_at_every_state_does_what_its_table_lists_or_leaves_no_trace(
    settings: Settings, admin: Actor
) -> None:
    seen = Walk()
    walked: list[Table] = []
    for world in WORLDS:
        clock = Clock()
        services = build_services(replace(settings, database_url="sqlite://"), clock)
        with services.transactions.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA page_size=512")  # the whole database is copied at every act
        metadata.create_all(services.transactions.engine)
        warehouse = Warehouse(services, admin)
        warehouse.load_block()
        made = world(Stage(warehouse, clock))
        walked += made.tables.values()
        seen.add(walk(made))
    assert seen.faults == []
    for name, table in tables().items():
        assert any(table is each for each in walked) is (name not in ELSEWHERE), name
        if name not in ELSEWHERE:
            _check_covered(table, seen)


def _check_covered(table: Table, seen: Walk) -> None:
    """A new state or event fails here until a world has acts for it (equipment_worlds.py)."""
    states, events = _members(table)
    assert {name_of(state) for state in states} - seen.reached == set(), "no act of any world led there"
    steps = {(name_of(state), name_of(event)) for state, event in table}
    assert steps - seen.happened == set(), "listed, and no act of any world did it"
    every = {(name_of(state), name_of(event)) for state in states for event in events}
    consequences = {name_of(event) for event in CONSEQUENCES}
    untried = {step for step in every - steps - seen.refused if step[1] not in consequences}
    assert untried == set(), "not listed, and no act of any world asked for it"
