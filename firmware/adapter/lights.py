"""What the status light shows: one table from what the unit does to a pattern.

The first row that holds is shown. What the patterns look like and mean stands in light_guide.py.
"""

LIGHTS = (
    ("identify", "flicker"),
    ("factory", "slow_blink"),
    ("updating", "wink"),
    ("link", "one_flash"),
    ("address", "two_flashes"),
    ("time", "three_flashes"),
    ("connect", "four_flashes"),
    ("register", "fast_blink"),
    ("configure", "fast_blink"),
    ("line", "fast_blink"),
    ("ready", "on"),
    ("refused", "off"),
)

_UPDATING = ("downloading", "staged", "armed", "trial")


def condition(state, factory=False, identify=False, update_state="idle"):
    """What the light shows, a name of LIGHTS' first column; `state` is one of UNIT_STATES."""
    if identify:
        return "identify"
    if factory:
        return "factory"
    if state == "ready" and update_state in _UPDATING:
        return "updating"
    return state


def pattern(name):
    """The pattern of a condition."""
    for row in LIGHTS:
        if row[0] == name:
            return row[1]
    raise ValueError("no light for %r; one of %s" % (name, ", ".join([row[0] for row in LIGHTS])))
