"""A call's sound on MicroPython: a frame both ways against the 20 ms it lasts, the worst one against its limit."""

from __future__ import annotations

from tools.bench.on_micropython import readings
from tools.bench.ratio import Ratio, ratio_of

FRAME_US = 20_000
WORST_US = 2_000  # a frame that takes longer makes the next one late
_FRAMES = 200
_PASSES = 5
_LOST_ONE_IN = 10

# Each line: microseconds of all frames in machine code and in plain Python, then of the worst one of either.
_SCRIPT = """
import gc, time
from adapter.media import comfort_noise, jitter_buffer, plc, samples_plain
from adapter.media import stream as module

def choose(plain):
    for place in (module, comfort_noise, jitter_buffer, plc):
        for name in ("decode", "emit", "encode", "match", "mix", "noise", "store"):
            if hasattr(place, name):
                kept.setdefault((place, name), getattr(place, name))
                setattr(place, name, getattr(samples_plain, name) if plain else kept[place, name])

kept = {}

def call(quickest):
    far = module.Stream("PCMU", 20, (101, 101), lambda count: bytes(range(count)))
    near = module.Stream("PCMA", 20, (101, 101), lambda count: bytes(range(1, count + 1)))
    said = bytearray(320)
    for i in range(160):
        said[2 * i], said[2 * i + 1] = i * 37 & 255, i * 11 & 31
    packets = []
    for number in range(len(quickest)):
        length = far.send(said, 0)
        packets.append(bytes(far.packet[:length]) if number % facts["lost"] else b"")
    heard = bytearray(320)
    gc.collect()
    total = 0
    for number in range(len(quickest)):
        packet = packets[number]
        begun = time.ticks_us()
        near.push(packet, len(packet), 20 * number)
        near.pull(heard)
        near.send(said, 20 * number)
        took = time.ticks_diff(time.ticks_us(), begun)
        total += took
        quickest[number] = min(quickest[number], took)
    return total

for _ in range(facts["rounds"] + 1):
    quickest = [1 << 30] * facts["frames"], [1 << 30] * facts["frames"]
    totals = [0, 0]
    for _ in range(facts["passes"]):
        for plain in range(2):
            choose(plain)
            totals[plain] += call(quickest[plain])
    print(*totals, *[max(each) for each in quickest])
"""


def run(rounds: int) -> list[Ratio]:
    """A call in which one packet in ten is lost, on this host's MicroPython, both ways of walking over samples in turn.

    A round takes the call several times; a frame's own time is the shortest, without what else the host did.
    """
    facts = {"rounds": rounds, "frames": _FRAMES, "lost": _LOST_ONE_IN, "passes": _PASSES}
    lines = readings(_SCRIPT, rounds, {}, facts)
    count = _FRAMES * _PASSES
    frame = [(native / count, plain / count) for native, plain, _, _ in lines]
    return [
        ratio_of("a call's frame, both ways", "the 20 ms it lasts", [(native, FRAME_US) for native, _ in frame]),
        ratio_of("a call's frame, both ways", "in plain Python", frame),
        ratio_of("the worst frame of a call", "its limit", [(native, WORST_US) for *_, native, _ in lines]),
        ratio_of("the worst, in plain Python", "its limit", [(plain, WORST_US) for *_, plain in lines]),
    ]
