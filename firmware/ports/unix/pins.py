"""What can be seen of the board from outside: one JSON line a change, to the launcher."""

import json


class Pins:
    """`line` is the open pipe to the launcher, which writes the facts to pins.json."""

    def __init__(self, line):
        self._line = line

    def report(self, facts):
        """Makes `facts` (a dict of plain values) observable."""
        self._line.write(json.dumps(facts).encode() + b"\n")

    def led(self, pattern):
        """Shows `pattern`, a name from the table of lights."""
        self.report({"led": pattern})

    def feed_watchdog(self):
        """Toggles the watchdog's pin."""
        self._line.write(b"{}\n")
