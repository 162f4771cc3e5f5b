"""How long to wait before the next attempt: full jitter, so that a fleet never knocks in step.

The wait is uniform between zero and a ceiling that doubles from FIRST_CEILING_MS to LAST_CEILING_MS.
Randomness is handed in: `entropy(n)` returns n random bytes.
"""

from micropython import const

FIRST_CEILING_MS = const(500)
LAST_CEILING_MS = const(60_000)


class Backoff:
    """The waits of one thing that is tried again and again."""

    def __init__(self, entropy):
        self._entropy = entropy
        self._ceiling_ms = FIRST_CEILING_MS

    def next_ms(self):
        """The wait, in ms, after one more failure; raises the ceiling of the following one."""
        ceiling = self._ceiling_ms
        self._ceiling_ms = min(2 * ceiling, LAST_CEILING_MS)
        return int.from_bytes(self._entropy(4), "big") % (ceiling + 1)

    def reset(self):
        """After a success: the next failure waits short again."""
        self._ceiling_ms = FIRST_CEILING_MS
