"""What each light looks like and means: for the drivers of real lights, and for the guide.

Apart from lights.py, because a unit whose light is driven elsewhere does not load it.
"""

from adapter.lights import LIGHTS

# The times of a cycle in ms: on, off, on, off ... An empty cycle is dark, a single time is light that stays on.
CYCLES = {
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

MEANINGS = {
    "identify": "Somebody asked, from the console, which unit this is.",
    "factory": "Not provisioned yet: connect it to a warehouse station.",
    "updating": "Working, and installing an update. Leave it plugged in.",
    "link": "No network: check the cable to the router, or its USB host.",
    "address": "Cable is fine, the router gives no address: restart the router.",
    "time": "Address is fine, no time server answers: check the internet connection.",
    "connect": "Internet is fine, the service cannot be reached: wait; it tries again by itself.",
    "register": "Signing in.",
    "configure": "Signing in.",
    "line": "Signing in: the telephone line is being set up.",
    "ready": "Ready for service.",
    "refused": "The service does not accept this unit: call support with the serial number.",
}


def render():
    """The tables as Markdown."""
    lines = ["| Light | Cycle, ms on and off | Unit | Meaning |", "|---|---|---|---|"]
    for name, shown in LIGHTS:
        cycle = CYCLES[shown]
        times = " ".join([str(time_ms) for time_ms in cycle]) if len(cycle) > 1 else "steady"
        lines.append("| %s | %s | %s | %s |" % (shown.replace("_", " "), times, name, MEANINGS[name]))
    return "\n".join(lines) + "\n"
