"""What the status light says: one table from what the unit does to a pattern and its meaning.

A pattern is a name and, for boards, the times of its cycle in ms: on, off, on, off ... An empty cycle is dark,
one single time is light that stays on.
"""

PATTERNS = {
    "off": (),
    "on": (1000,),
    "one_flash": (150, 1850),
    "two_flashes": (150, 250, 150, 1450),
    "three_flashes": (150, 250, 150, 250, 150, 1050),
    "four_flashes": (150, 250, 150, 250, 150, 250, 150, 650),
    "slow_blink": (1000, 1000),
    "fast_blink": (200, 200),
    "wink": (1800, 200),
    "flicker": (50, 50),
}

# (what the unit does, pattern, what it means and what to do). The first row that holds is shown.
LIGHTS = (
    ("identify", "flicker", "Somebody asked, from the console, which unit this is."),
    ("factory", "slow_blink", "Not provisioned yet: connect it to a warehouse station."),
    ("updating", "wink", "Working, and installing an update. Leave it plugged in."),
    ("link", "one_flash", "No network: check the cable to the router, or its USB host."),
    ("address", "two_flashes", "Cable is fine, the router gives no address: restart the router."),
    ("time", "three_flashes", "Address is fine, no time server answers: check the internet connection."),
    ("connect", "four_flashes", "Internet is fine, the service cannot be reached: wait; it tries again by itself."),
    ("register", "fast_blink", "Signing in."),
    ("configure", "fast_blink", "Signing in."),
    ("line", "fast_blink", "Signing in: the telephone line is being set up."),
    ("ready", "on", "Ready for service."),
    ("refused", "off", "The service does not accept this unit: call support with the serial number."),
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


def render():
    """The table as Markdown, for the guide."""
    lines = ["| Light | Cycle, ms on and off | Unit | Meaning |", "|---|---|---|---|"]
    for name, shown, meaning in LIGHTS:
        cycle = PATTERNS[shown]
        times = " ".join([str(time_ms) for time_ms in cycle]) if len(cycle) > 1 else "steady"
        lines.append("| %s | %s | %s | %s |" % (shown.replace("_", " "), times, name, meaning))
    return "\n".join(lines) + "\n"
