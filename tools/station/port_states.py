"""A port of the station as a table: what is on it now, and what may come next.

A port is DONE only out of LABELLING, by the word of `flash_unit` that the unit passed everything; what waits for the
fleet has a state of its own. The words are for people as they stand: colour only repeats them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tools.station.errors import StationError


class PortState(StrEnum):
    """Where the board on a port is."""

    WAITING = "waiting"
    FOUND = "found"
    FLASHING = "flashing"
    PROVISIONING = "provisioning"
    TESTING = "testing"
    LABELLING = "labelling"
    AWAITING_CERTIFICATE = "awaiting certificate"
    AWAITING_FLEET = "awaiting fleet"
    DONE = "done"
    FAILED = "failed"


class PortEvent(StrEnum):
    """What happens to a port; the steps of provisioning come in their order, and any of them may be done already."""

    PLUG = "plug"
    PULL = "pull"  # of a board nobody works on
    FLASH = "flash"
    PROVISION = "provision"
    TEST = "test"
    LABEL = "label"
    AWAIT_CERTIFICATE = "await_certificate"  # no network: the request is in the journal
    AWAIT_FLEET = "await_fleet"  # no network, and no lease that helps
    PASS = "pass"  # noqa: S105 - no secret
    FAIL = "fail"
    RETRY = "retry"


_S, _E = PortState, PortEvent

PORT: Final[dict[tuple[PortState, PortEvent], PortState]] = {
    (_S.WAITING, _E.PLUG): _S.FOUND,
    (_S.FOUND, _E.FLASH): _S.FLASHING,
    (_S.FOUND, _E.PROVISION): _S.PROVISIONING,
    (_S.FOUND, _E.TEST): _S.TESTING,
    (_S.FOUND, _E.LABEL): _S.LABELLING,
    (_S.FOUND, _E.AWAIT_FLEET): _S.AWAITING_FLEET,
    (_S.FOUND, _E.FAIL): _S.FAILED,
    (_S.FLASHING, _E.PROVISION): _S.PROVISIONING,
    (_S.FLASHING, _E.AWAIT_FLEET): _S.AWAITING_FLEET,
    (_S.FLASHING, _E.FAIL): _S.FAILED,
    (_S.PROVISIONING, _E.TEST): _S.TESTING,
    (_S.PROVISIONING, _E.AWAIT_CERTIFICATE): _S.AWAITING_CERTIFICATE,
    (_S.PROVISIONING, _E.AWAIT_FLEET): _S.AWAITING_FLEET,
    (_S.PROVISIONING, _E.FAIL): _S.FAILED,
    (_S.TESTING, _E.LABEL): _S.LABELLING,
    (_S.TESTING, _E.AWAIT_FLEET): _S.AWAITING_FLEET,
    (_S.TESTING, _E.FAIL): _S.FAILED,
    (_S.LABELLING, _E.PASS): _S.DONE,
    (_S.LABELLING, _E.AWAIT_FLEET): _S.AWAITING_FLEET,
    (_S.LABELLING, _E.FAIL): _S.FAILED,
    (_S.AWAITING_CERTIFICATE, _E.RETRY): _S.FOUND,
    (_S.AWAITING_CERTIFICATE, _E.PULL): _S.WAITING,
    (_S.AWAITING_FLEET, _E.RETRY): _S.FOUND,
    (_S.AWAITING_FLEET, _E.PULL): _S.WAITING,
    (_S.DONE, _E.PULL): _S.WAITING,
    (_S.FAILED, _E.RETRY): _S.FOUND,
    (_S.FAILED, _E.PULL): _S.FAILED,  # the reason stays to be read until the next board comes
    (_S.FAILED, _E.PLUG): _S.FOUND,
}

WORKING: Final = frozenset({_S.FOUND, _S.FLASHING, _S.PROVISIONING, _S.TESTING, _S.LABELLING})
AWAITING: Final = frozenset({_S.AWAITING_CERTIFICATE, _S.AWAITING_FLEET})
SETTLED: Final = frozenset({_S.DONE, _S.FAILED})

# By the steps of `flash_unit`: the state in which the port is meanwhile, and what brings it there (None: it is there).
STEP_STATES: Final[dict[str, tuple[PortState, PortEvent | None]]] = {
    "find": (_S.FOUND, None),
    "allocate": (_S.FOUND, None),
    "write": (_S.FLASHING, _E.FLASH),
    "key": (_S.PROVISIONING, _E.PROVISION),
    "certificate": (_S.PROVISIONING, _E.PROVISION),
    "identity": (_S.PROVISIONING, _E.PROVISION),
    "self-test": (_S.TESTING, _E.TEST),
    "lock": (_S.TESTING, _E.TEST),
    "label": (_S.LABELLING, _E.LABEL),
    "stock": (_S.LABELLING, _E.LABEL),
}


class PortStateError(StationError):
    """An event that the table does not list for a port's state: a fault of the program."""


def after(state: PortState, event: PortEvent) -> PortState:
    """The state after `event`; PortStateError, and nothing changes, where the table has none."""
    following = PORT.get((state, event))
    if following is None:
        possible = ", ".join(each for at, each in PORT if at is state)
        raise PortStateError(f"a port that is {state} takes no {event}, only {possible}")
    return following


def at_step(state: PortState, step: str) -> PortState:
    """The state in which a step of `flash_unit` is taken, coming from `state`."""
    wanted, event = STEP_STATES[step]
    return wanted if state is wanted or event is None else after(state, event)
