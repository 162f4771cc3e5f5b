"""Keeps the unit's tasks alive, and the watchdog quiet only as long as all of them get on.

A task that raises is started again after a wait that grows; one that raises RESTARTS times within WINDOW_MS
restarts the unit, or rests if it is not worth that. A task that must show progress calls its `beat`; when one is
silent longer than it may be, the watchdog is no longer fed and resets the board. This is the only place that
catches every Exception.
"""

import asyncio

from micropython import const

RESTARTS = const(5)
WINDOW_MS = const(120_000)
FIRST_WAIT_MS = 250
FEED_MS = 1000
REST_MS = 3_600_000  # for a task that no restart of the unit helps


class Health:
    """Which tasks get on, and what a crash leads to: pure, time handed in."""

    def __init__(self):
        self._beats = {}  # name -> (last beat in ms, longest silence in ms)
        self._crashes = {}  # name -> the times of its crashes, in ms

    def watch(self, name, silence_ms, now_ms):
        """From now on `name` must beat at least every `silence_ms`."""
        self._beats[name] = (now_ms, silence_ms)

    def beat(self, name, now_ms):
        """`name` got on."""
        self._beats[name] = (now_ms, self._beats[name][1])

    def forget(self, name):
        """`name` is done, or waits to be started again."""
        self._beats.pop(name, None)

    def stalled(self, now_ms):
        """The name of a task that was silent for too long, or an empty text."""
        for name, (last_ms, silence_ms) in self._beats.items():
            if now_ms - last_ms > silence_ms:
                return name
        return ""

    def crashed(self, name, now_ms):
        """The wait, in ms, before `name` is started again; None: too many crashes, restart the unit."""
        crashes = [time_ms for time_ms in self._crashes.get(name, ()) if now_ms - time_ms < WINDOW_MS]
        crashes.append(now_ms)
        self._crashes[name] = crashes
        if len(crashes) >= RESTARTS:
            return None
        return FIRST_WAIT_MS << (len(crashes) - 1)


class Supervisor:
    """Runs tasks. `feed()` feeds the watchdog, `restart(reason)` restarts the unit,
    `report(name, error)` is told of each crash.
    """

    def __init__(self, uptime, feed, restart, report):
        self._uptime = uptime
        self._feed = feed
        self._restart = restart
        self._report = report
        self._tasks = []
        self.health = Health()

    def start(self, name, make, silence_ms=0, worth_restart=None):
        """Runs `make(beat)`, a coroutine function; it beats at least every `silence_ms`, unless that is 0.

        `worth_restart()`: False if its crashes are to restart nothing now.
        """
        self._tasks.append(asyncio.create_task(self._keep(name, make, silence_ms, worth_restart)))

    async def run(self):
        """Feeds the watchdog for as long as it may be fed; never returns."""
        while True:
            if not self.health.stalled(self._uptime()):
                self._feed()
            await asyncio.sleep(FEED_MS / 1000)

    async def _keep(self, name, make, silence_ms, worth_restart):
        def beat():
            if silence_ms:
                self.health.beat(name, self._uptime())

        while True:
            if silence_ms:
                self.health.watch(name, silence_ms, self._uptime())
            try:
                await make(beat)
                self.health.forget(name)
                return
            except Exception as error:
                self._report(name, error)
            self.health.forget(name)
            wait_ms = self.health.crashed(name, self._uptime())
            if wait_ms is None and worth_restart is not None and not worth_restart():
                wait_ms = REST_MS
            if wait_ms is None:
                self._restart("crash")
                return
            await asyncio.sleep(wait_ms / 1000)
