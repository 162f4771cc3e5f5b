"""Runs under MicroPython: the voice driver alone, out of an image, told what to do by lines of JSON on standard input.

Arguments: the image's payload and the board's folder, which holds `ethernet`, `account`, `anchors` and the telephone.
The unit around the driver (its board, its clock, its fleet) is a stand-in; the driver and all it drives are the
firmware. Each line out is a JSON object of one item: `line` (a state), `call_record` (values), `media` (a call has
sound), `steady` (frames of it), `lent` (an update has the heap), `stats` (figures), `note` (text).
"""

import asyncio
import gc
import json
import os
import sys
import time
from array import array

import micropython
import vfs

_BUCKET_US = 20
_BUCKETS = 1000
_FRAME_US = 20_000
_STEADY_FRAMES = 100  # of a call: from then on nothing is allocated
_POLL_MS = 100
_PUMPED = 16


def mount(path):
    """The image's modules, where a board would map them."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        buffer = bytearray(size)
        file.readinto(buffer)
    vfs.mount(vfs.VfsRom(memoryview(buffer)), "/rom")
    sys.path[:] = ["/rom", ".frozen"]


def say(name, value):
    """One line out."""
    print(json.dumps({name: value}))


class Host:
    """Stands in for the Board: this process's entropy, the folder's cable."""

    def __init__(self, folder):
        self._path = folder + "/ethernet"
        self._address = folder + "/address"

    def link(self):
        """1: the cable is in, 0: it is not."""
        with open(self._path) as file:
            return 1 if file.read(2) == "up" else 0

    def address(self):
        """Of the loopback that the board is at."""
        try:
            with open(self._address) as file:
                return file.read()
        except OSError:
            return "127.0.0.1"

    def entropy(self, count):
        """Random bytes."""
        return os.urandom(count)


class Unit:
    """Stands in for main's."""

    def __init__(self, folder, started_ms):
        from adapter.clock import Uptime
        from adapter.room import Room
        from ports.unix.net import Net

        self.board = Host(folder)
        self.uptime = Uptime(time.ticks_ms, time.ticks_diff, started_ms)
        self.net = Net(self.board.link)
        self.room = Room()
        self.kept = None  # what a unit that leaks would never give back

    def note(self, error):
        """What failed."""
        say("note", str(error))


class Histogram:
    """Counts of microseconds, in steps of _BUCKET_US; adding allocates nothing."""

    def __init__(self):
        self._counts = array("I", [0] * _BUCKETS)
        self.least = _BUCKET_US * _BUCKETS
        self.worst = self.total = self.count = 0

    def add(self, us):
        """One more."""
        self._counts[min(us // _BUCKET_US, _BUCKETS - 1)] += 1
        self.least = min(self.least, us)
        self.worst = max(self.worst, us)
        self.total += us
        self.count += 1

    def percentile(self, percent):
        """In us, rounded up to a step."""
        left = self.count * percent // 100
        for at in range(_BUCKETS):
            left -= self._counts[at]
            if left < 0:
                return (at + 1) * _BUCKET_US
        return self.worst

    def values(self, above):
        """For a line out, as far as they are above `above`."""
        return {
            "p50_us": self.percentile(50) - above, "p99_us": self.percentile(99) - above,
            "worst_us": self.worst - above, "count": self.count, "mean_us": self.total // max(1, self.count) - above,
        }  # fmt: skip


class Meter:
    """Measures the driver's frames while a call has sound; `lock` has the heap locked in the steady ones."""

    def __init__(self, service):
        self._service = service
        self._frame = service.frame
        service.frame = self.frame
        self.lock = False
        self.reset()

    def reset(self):
        """Starts anew."""
        self.frames = Histogram()
        self.pacing = Histogram()
        self.steady = 0
        self._base_us = None
        self._since_us = time.ticks_us()
        self._cpu_s = time.clock()

    def frame(self, now_ms):
        """In place of the driver's."""
        started_us = time.ticks_us()
        if not self._service.in_media():
            self._base_us = None
            self.steady = 0
            return self._frame(now_ms)
        if self._base_us is None:
            self._base_us = started_us
        self.steady += 1
        locked = self.lock and self.steady > _STEADY_FRAMES
        if locked:
            micropython.heap_lock()
        try:
            self._frame(now_ms)
        finally:
            if locked:
                micropython.heap_unlock()
        ended_us = time.ticks_us()
        if self.steady > 1:
            self.pacing.add((time.ticks_diff(started_us, self._base_us) + _FRAME_US // 2) % _FRAME_US)
            self.frames.add(time.ticks_diff(ended_us, started_us))

    def values(self):
        """For a line out; the CPU share is of one core, since `reset`."""
        share = (time.clock() - self._cpu_s) * 1e6 / max(1, time.ticks_diff(time.ticks_us(), self._since_us))
        return {
            "frame": self.frames.values(0),
            "pacing": self.pacing.values(self.pacing.least),  # behind the most punctual frame
            "cpu_share": share,
            "steady": self.steady,
        }


async def obey(service, meter, unit):
    """Carries out the lines that come in."""
    reader = asyncio.StreamReader(sys.stdin.buffer)
    while True:
        line = await reader.readline()
        if not line:
            sys.exit(0)
        order = json.loads(line)
        if "account" in order:
            service.configure(order["account"], order["level"])
        if "lock" in order:
            meter.lock = order["lock"]
        if "reset" in order:
            meter.reset()
        if "pump" in order:
            gc.threshold(order["pump"])
            asyncio.create_task(pump(service, unit.uptime))  # noqa: RUF006 - asyncio here keeps its tasks
        if "borrow" in order:
            if order["borrow"]:
                unit.room.wanted = True
            else:
                unit.room.give_back()
        rework(order, unit)
        if "stats" in order:
            values = meter.values()
            gc.collect()
            values["free_heap_bytes"] = gc.mem_free()
            values["used_heap_bytes"] = gc.mem_alloc()
            say("stats", values)


def rework(order, unit):
    """Makes the unit another one than it is."""
    if "media_timeout_ms" in order:
        import adapter.voice

        adapter.voice.MEDIA_TIMEOUT_MS = order["media_timeout_ms"]
    if "patch" in order:
        module, name, value = order["patch"]
        setattr(sys.modules[module], name, value)
    if "restless" in order:
        from adapter.sip.agent import Agent

        Agent.rested = False  # the line never begins anew after a call: what that would clear is to be seen
    if "leak" in order:
        unit.kept = []


async def pump(service, uptime):
    """Has the driver look for datagrams all the time, not once a frame: for those who send thousands."""
    while True:
        for _ in range(_PUMPED):
            service.turn(uptime())
        await asyncio.sleep_ms(0)


async def watch(service, meter, room):
    """Stands in for the update, which takes the heap as soon as the line leaves it; tells what changes."""
    lent = media = False
    told = 0
    while True:
        await asyncio.sleep_ms(_POLL_MS)
        if room.recalled:
            room.give_back()
        if room.wanted:
            room.borrow()
        if room.lent != lent:
            lent = room.lent
            gc.collect()
            say("lent", {"lent": lent, "free_heap_bytes": gc.mem_free()})
        if service.in_media() != media:
            media = not media
            say("media", media)
        if meter.steady // _STEADY_FRAMES != told:
            told = meter.steady // _STEADY_FRAMES
            say("steady", told * _STEADY_FRAMES)


async def run(folder, started_ms):
    """Until standard input ends."""
    from ports.unix.net import tls_context
    from ports.unix.telephone import Telephone
    from ports.unix.voice import VoiceService

    unit = Unit(folder, started_ms)

    def told(event):
        if unit.kept is not None:
            unit.kept.append(bytes(32))
        say(event[0], event[1] if event[0] != "line" else {"state": event[1], "at_ms": unit.uptime()})

    with open(folder + "/anchors", "rb") as file:
        anchors = file.read()
    service = VoiceService(unit, Telephone(folder), told, tls_context(anchors) if anchors else None)
    with open(folder + "/account") as file:
        kept = json.load(file)
    service.configure(kept["account"], kept["level"])
    meter = Meter(service)
    gc.collect()
    say("ready", {"at_ms": unit.uptime(), "free_heap_bytes": gc.mem_free()})
    tasks = [
        asyncio.create_task(obey(service, meter, unit)),
        asyncio.create_task(watch(service, meter, unit.room)),
    ]
    await asyncio.gather(service.run(lambda: None), *tasks)


if __name__ == "__main__":
    began_ms = time.ticks_ms()
    mount(sys.argv[1])
    gc.threshold(8192)
    asyncio.run(run(sys.argv[2], began_ms))
