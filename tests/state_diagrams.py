"""Draws docs/states.md from the tables the code runs on; `python -m tests.state_diagrams` writes it anew."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fleet.domain import (
    account,
    blind_return,
    cancellation,
    distributor,
    lease,
    mac_address,
    people,
    phone_number,
    refurbishing,
    rma,
    rollout,
    suspension,
    termination,
    unit,
)
from tools.station import port_states

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "states.md"
Rows = Iterable[tuple[str, str, str]]

HEAD = """# State machines

Each is a table in the code; an event that the table does not list for a state is refused and changes nothing. These
diagrams are drawn from the tables (`python -m tests.state_diagrams`), and a test holds this page to them.

At the telephone's line, what leads to dial_tone leads to no_service while the line is not registered, and to dead where
its level is none.
"""


def rows_of(table: Mapping[tuple[Any, Any], Any]) -> Rows:
    """(state, event, next state) of a fleet's table."""
    return [(str(state), str(event), str(after)) for (state, event), after in table.items()]


def reported_rows() -> Rows:
    """What a unit's report of its update makes of its state in a rollout."""
    return [
        (str(state), "reported", str(after))
        for state, following in rollout.REPORTED.items()
        for after in rollout.UnitState
        if after in following
    ]


def firmware_rows() -> dict[str, Rows]:
    """The unit's own tables; the firmware is a source root of its own."""
    if str(ROOT / "firmware") not in sys.path:
        sys.path.insert(0, str(ROOT / "firmware"))
    if "micropython" not in sys.modules:
        shim = types.ModuleType("micropython")
        shim.const = lambda value: value  # type: ignore[attr-defined]
        sys.modules["micropython"] = shim
    from adapter import activation, line
    from adapter.sip import call, registration
    from adapter.update import session

    return {
        "The unit: from plugged in to ready (`firmware/adapter/activation.py`)": activation.transitions(),
        "The unit: an update (`firmware/adapter/update/session.py`)": session.TRANSITIONS,
        "The unit: the telephone's line (`firmware/adapter/line.py`)": line_rows(line.TABLE),
        "The unit: a call (`firmware/adapter/sip/call.py`)": text_rows(call.TRANSITIONS),
        "The unit: its registration (`firmware/adapter/sip/registration.py`)": text_rows(registration.TRANSITIONS),
    }


def text_rows(table: str) -> Rows:
    """(state, event, next state) of a text with one to a line, what is done behind them."""
    rows = [line.split(" ") for line in table.strip().split("\n")]
    return [(row[0], row[1], row[2]) for row in rows]


def line_rows(table: str) -> Rows:
    """(state, event, next state) of the line's text; what depends on a held or knocking call says so."""
    found = []
    for row in table.strip().split("\n"):
        event, states, beside, after, _, _ = row.split(" ")
        label = event if beside in ("-", "none") else f"{event} ({beside})"
        found += [(state, label, state if after == "=" else after) for state in states.split(",")]
    return found


def machines() -> dict[str, Rows]:
    """Every machine by its heading."""
    return firmware_rows() | {
        "A unit's custody (`fleet/domain/unit.py`)": rows_of(unit.CUSTODY),
        "A unit's service": rows_of(unit.SERVICE),
        "A unit's trust": rows_of(unit.TRUST),
        "A MAC address (`fleet/domain/mac_address.py`)": rows_of(mac_address.ADDRESSES),
        "A lease of addresses to a station (`fleet/domain/lease.py`)": rows_of(lease.LEASES),
        "An RMA's decision (`fleet/domain/rma.py`)": rows_of(rma.DECISION),
        "An RMA's replacement": rows_of(rma.REPLACEMENT),
        "An RMA's return": rows_of(rma.RETURN),
        "A return without an RMA (`fleet/domain/blind_return.py`)": rows_of(blind_return.BLIND_RETURN),
        "A returned unit on its way to stock (`fleet/domain/refurbishing.py`)": rows_of(refurbishing.REFURBISHING),
        "An account (`fleet/domain/account.py`)": rows_of(account.ACCOUNT),
        "An account's service (`fleet/domain/suspension.py`)": rows_of(suspension.ACCOUNT_SERVICE),
        "A notice of breach (`fleet/domain/termination.py`)": rows_of(termination.BREACH),
        "A cancellation (`fleet/domain/cancellation.py`)": rows_of(cancellation.CANCELLATION),
        "An Authorized Distributor (`fleet/domain/distributor.py`)": rows_of(distributor.DISTRIBUTOR),
        "A phone number (`fleet/domain/phone_number.py`)": rows_of(phone_number.NUMBER),
        "A rollout (`fleet/domain/rollout.py`)": rows_of(rollout.TRANSITIONS),
        "A unit in a rollout, by its reports (`fleet/domain/rollout.py`)": reported_rows(),
        "A person (`fleet/domain/people.py`)": rows_of(people.PERSON_TRANSITIONS),
        "A port of the station (`tools/station/port_states.py`)": rows_of(port_states.PORT),
    }


def name_of(state: str) -> str:
    """A state as Mermaid takes it: without blanks."""
    return state.replace(" ", "_")


def diagram(rows: Rows) -> str:
    """A Mermaid state diagram; events that lead the same way share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for state, event, after in rows:
        arrows.setdefault((state, after), []).append(event)
    lines = [
        f"    {name_of(state)} --> {name_of(after)}: {', '.join(events)}" for (state, after), events in arrows.items()
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(f"## {name}\n\n{diagram(rows)}\n" for name, rows in machines().items())])


if __name__ == "__main__":
    PAGE.write_text(page())
