"""From plugged in to service-ready: the states a unit goes through, as one table.

The states are UNIT_STATES of the wire. A row is (state, event, next state); an event that the table does
not list for a state is refused and changes nothing. Registering the line is a state of its own: until
the voice part takes it over, it is left at once by `line_settled`.
"""

from adapter.errors import AdapterError
from protocol.wire.enumerations import UNIT_STATES

_CONNECTED = ("register", "configure", "line", "ready")
_ADDRESSED = ("time", "connect", "refused") + _CONNECTED

TRANSITIONS = (
    ("link", "link_up", "address"),
    ("address", "address_got", "time"),
    ("time", "time_set", "connect"),
    ("connect", "connected", "register"),
    ("register", "accepted", "configure"),
    ("configure", "configured", "line"),
    ("line", "line_settled", "ready"),
    # The fleet may send a new configuration at any time.
    ("line", "configured", "line"),
    ("ready", "configured", "line"),
    # And it may answer again: a re-registration is confirmed, a unit is quarantined or revoked.
    ("configure", "accepted", "configure"),
    ("line", "accepted", "line"),
    ("ready", "accepted", "ready"),
    ("refused", "try_again", "connect"),
    # A connection that could not be opened.
    ("connect", "disconnected", "connect"),
)
TRANSITIONS += tuple([(state, "refused", "refused") for state in _CONNECTED])
TRANSITIONS += tuple([(state, "disconnected", "connect") for state in _CONNECTED])
TRANSITIONS += tuple([(state, "address_lost", "address") for state in _ADDRESSED])
TRANSITIONS += tuple([(state, "link_down", "link") for state in ("address",) + _ADDRESSED])


def following(state, event):
    """The state after `event`, or None. A search, for a dict of pairs would cost four times the table's heap."""
    for row in TRANSITIONS:
        if row[0] == state and row[1] == event:
            return row[2]
    return None


class ActivationError(AdapterError):
    """An event that the state does not allow; says both, and what is allowed."""


class Activation:
    """Where a unit stands. `entered(state)` is called after each change."""

    def __init__(self, entered):
        self.state = UNIT_STATES[0]
        self._entered = entered

    def handle(self, event):
        """Takes the transition for `event`; ActivationError, and no change, if there is none."""
        state = following(self.state, event)
        if state is None:
            allowed = [row[1] for row in TRANSITIONS if row[0] == self.state]
            raise ActivationError("%s is not possible in state %s, only %s" % (event, self.state, ", ".join(allowed)))
        if state != self.state:
            self.state = state
            self._entered(state)

    def allows(self, event):
        """True if `handle(event)` would not raise."""
        return following(self.state, event) is not None

    @property
    def index(self):
        """The state's number on the wire."""
        return UNIT_STATES.index(self.state)
