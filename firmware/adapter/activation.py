"""From plugged in to service-ready: the states a unit goes through, as one table.

The states are UNIT_STATES of the wire. A row is (event, the states it is possible in, next state; None: the
same). An event that the table does not list for a state is refused and changes nothing. In state `line` the
telephone line registers; `line_settled` says that it has, or that there is none to register.
"""

from adapter.errors import AdapterError
from protocol.wire.enumerations import UNIT_STATES

_CONNECTED = ("register", "configure", "line", "ready")
_ADDRESSED = ("time", "connect", "refused") + _CONNECTED

TABLE = (
    ("link_up", ("link",), "address"),
    ("address_got", ("address",), "time"),
    ("time_set", ("time",), "connect"),
    ("connected", ("connect",), "register"),
    ("accepted", ("register",), "configure"),
    ("configured", ("configure", "line", "ready"), "line"),  # a new configuration may come at any time
    ("line_settled", ("line",), "ready"),
    ("line_lost", ("ready",), "line"),
    ("accepted", ("configure", "line", "ready"), None),  # the fleet answers again
    ("refused", _CONNECTED, "refused"),
    ("try_again", ("refused",), "connect"),
    ("disconnected", ("connect",) + _CONNECTED, "connect"),
    ("address_lost", _ADDRESSED, "address"),
    ("link_down", ("address",) + _ADDRESSED, "link"),
)


def following(state, event):
    """The state after `event`, or None."""
    for name, states, after in TABLE:
        if name == event and state in states:
            return after or state
    return None


def transitions():
    """The table as (state, event, next state), for diagrams and tests."""
    return [(state, event, after or state) for event, states, after in TABLE for state in states]


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
            allowed = [name for name, states, _ in TABLE if self.state in states]
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
