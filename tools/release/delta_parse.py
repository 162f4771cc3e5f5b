"""Finds the cheapest way to say an image by copies, changes and insertions on a base: a shortest path.

A state is (shift, kind): where in the base the next byte is taken from, less its position in the image, and what
was done last. Copying on costs next to nothing, a change costs its byte, a jump to another shift costs its number.
At each byte the cheapest few states live on; where no copy goes on for long, the base's longest matches join them.
The costs are bits, guessed first and then learned from the parse before (`learned`): what deflate makes of it later
is not known here, but byte frequencies come near it.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

COPY, CHANGE, INSERT = range(3)
SEGMENT_BYTES = 61_440  # a parse settles on one state after each, so that it needs memory for one only
_MATCH_BYTES = 3  # the shortest match looked for
_NEAR_MATCHES = 48  # looked at, those nearest to where the parse is
_KEPT_MATCHES = 3
_MAX_MATCH_BYTES = 256  # of two longer matches neither is better
_MAX_STATES = 32
_SLACK_BITS = 36.0  # a state that costs so much more than the best will not catch up
_LOOK_AHEAD_BYTES = 20  # before the end of a long copy the alternatives are weighed again
_MIN_SKIP_BYTES = 2 * _LOOK_AHEAD_BYTES
_ENOUGH_BYTES = 16  # a copy that goes on so far needs no alternative yet
_COMPARED_BYTES = 64

_LEAST_JUMP_BITS = 4.0

_State = tuple[int, int]
_Back = dict[_State, tuple[int, _State]]


@dataclass(frozen=True, slots=True)
class Run:
    """`end - begin` bytes of the image; byte i of a copy or change stands over byte i + shift of the base."""

    begin: int
    end: int
    kind: int
    shift: int


def _even(bits: float) -> tuple[float, ...]:
    return (bits,) * 256


@dataclass(frozen=True, slots=True)
class Costs:
    """Bits: of a copied byte, of beginning a change or a record, of a changed (by its difference) and inserted byte."""

    copy: float = 0.03
    change: float = 9.0
    record: float = 9.0
    changed: tuple[float, ...] = field(default_factory=lambda: _even(7.0))
    inserted: tuple[float, ...] = field(default_factory=lambda: _even(6.5))

    def jump(self, distance: int) -> float:
        """Of the number that says how far the source moves: one, two or three bytes of it."""
        size = abs(distance)
        if size == 0:
            return _LEAST_JUMP_BITS
        return 7.5 if size < 64 else 14.5 if size < 8192 else 20.5


def learned(base: bytes, image: bytes, runs: Iterable[Run]) -> Costs:
    """Costs by the frequencies of the bytes that `runs` change and insert."""
    changed: Counter[int] = Counter()
    inserted: Counter[int] = Counter()
    for run in runs:
        if run.kind == CHANGE:
            changed.update(difference(base, image, run))
        elif run.kind == INSERT:
            inserted.update(image[run.begin : run.end])
    return Costs(changed=_bits(changed), inserted=_bits(inserted))


def difference(base: bytes, image: bytes, run: Run) -> bytes:
    """What is added to the base's bytes, modulo 256, by a run of changes."""
    under = base[run.begin + run.shift : run.end + run.shift]
    return bytes((new - old) & 255 for new, old in zip(image[run.begin : run.end], under, strict=True))


def _bits(counts: Counter[int]) -> tuple[float, ...]:
    total = counts.total() + 64
    return tuple(-math.log2((counts[value] + 0.25) / total) for value in range(256))


class Parser:
    """Holds the index of `base` and the matches found; `parse` may be called for several Costs."""

    def __init__(self, base: bytes, image: bytes) -> None:
        self._base = base
        self._image = image
        self._index: dict[bytes, list[int]] = defaultdict(list)
        for at in range(len(base) - _MATCH_BYTES + 1):
            self._index[base[at : at + _MATCH_BYTES]].append(at)
        self._found: dict[tuple[int, int], list[int]] = {}

    def parse(self, costs: Costs) -> list[Run]:
        """Runs that make up the image, in order."""
        runs: list[Run] = []
        states: dict[_State, float] = {(0, CHANGE): 0.0}
        for begin in range(0, len(self._image), SEGMENT_BYTES):
            end = min(begin + SEGMENT_BYTES, len(self._image))
            state, path = self._segment(costs, states, begin, end)
            for run in path:
                _join(runs, run)
            states = {state: 0.0}
        return runs

    def _segment(self, costs: Costs, states: dict[_State, float], begin: int, end: int) -> tuple[_State, list[Run]]:
        """The best state at `end`, and the runs that lead there."""
        back: dict[int, _Back] = {}
        at = begin
        while at < end:
            live = sorted(zip(states.values(), states, strict=True))[:_MAX_STATES]
            most = live[0][0] + _SLACK_BITS
            live = [entry for entry in live if entry[0] <= most]
            ahead = self._ahead(live[0][1], at)
            if ahead >= _MIN_SKIP_BYTES:
                step = min(ahead - _LOOK_AHEAD_BYTES, end - at)
                states, back[at + step] = self._skip(costs, live, at, step)
            else:
                step = 1
                matches = self._matches(at, live[0][1][0]) if ahead < _ENOUGH_BYTES else []
                states, back[at + step] = self._step(costs, live, at, matches)
            at += step
        best = min(states, key=lambda state: (states[state], state))
        return best, _path(back, best, begin, end)

    def _ahead(self, state: _State, at: int) -> int:
        """How far a copy can go on from `state`."""
        shift, kind = state
        if kind == INSERT or not 0 <= at + shift < len(self._base):
            return 0
        return self._length(at + shift, at, SEGMENT_BYTES)

    def _skip(
        self, costs: Costs, live: list[tuple[float, _State]], at: int, step: int
    ) -> tuple[dict[_State, float], _Back]:
        """Copies `step` bytes at once from every state that can."""
        states: dict[_State, float] = {}
        back: _Back = {}
        wanted = self._image[at : at + step]
        for cost, (shift, kind) in live:
            source = at + shift
            if kind != INSERT and source >= 0 and self._base[source : source + step] == wanted:
                _put(states, back, (shift, COPY), cost + costs.copy * step, at, (shift, kind))
        return states, back

    def _step(
        self, costs: Costs, live: list[tuple[float, _State]], at: int, matches: list[int]
    ) -> tuple[dict[_State, float], _Back]:
        """All that can be done with the byte at `at`; `matches` are shifts at which a copy may begin."""
        states: dict[_State, float] = {}
        back: _Back = {}
        byte = self._image[at]
        inserted = costs.inserted[byte]
        for cost, state in live:
            shift, kind = state
            source = at + shift
            opening = costs.record  # of the record that a jump begins: an insertion has paid for it
            old = self._base[source] if 0 <= source < len(self._base) else None
            if kind == INSERT:
                opening = 0.0
                if old == byte:
                    _put(states, back, (shift, COPY), cost + costs.jump(0) + costs.copy, at, state)
            elif old is not None:
                if old == byte:
                    _put(states, back, (shift, COPY), cost + costs.copy, at, state)
                begun = costs.change if kind == COPY else 0.0
                _put(states, back, (shift, CHANGE), cost + begun + costs.changed[(byte - old) & 255], at, state)
            # The source stays where it is while the image goes on.
            _put(states, back, (shift - 1, INSERT), cost + opening + inserted, at, state)
            for other in matches:
                # Most come dearer than what is there, whatever the jump; that need not be reckoned.
                if other != shift and cost + _LEAST_JUMP_BITS < states.get((other, COPY), math.inf):
                    bits = opening + costs.jump(other - shift) + costs.copy
                    _put(states, back, (other, COPY), cost + bits, at, state)
        return states, back

    def _matches(self, at: int, shift: int) -> list[int]:
        """Shifts of the longest matches of the image from `at`, near matches first among equals; kept for next time."""
        kept = self._found.get((at, shift))
        if kept is not None:
            return kept
        found = self._index.get(self._image[at : at + _MATCH_BYTES], [])
        if len(found) > _NEAR_MATCHES:
            middle = bisect(found, at + shift)
            found = found[max(0, middle - _NEAR_MATCHES // 2) : middle + _NEAR_MATCHES // 2]
        ranked = sorted(
            (-self._length(source, at, _MAX_MATCH_BYTES), abs(source - at - shift), source) for source in found
        )
        kept = self._found[at, shift] = [source - at for _, _, source in ranked[:_KEPT_MATCHES]]
        return kept

    def _length(self, source: int, at: int, limit: int) -> int:
        """How many bytes are the same from `source` in the base and `at` in the image, up to `limit`."""
        base, image = self._base, self._image
        limit = min(limit, len(base) - source, len(image) - at)
        count = 0
        while count < limit:
            size = min(_COMPARED_BYTES, limit - count)
            old, new = base[source + count : source + count + size], image[at + count : at + count + size]
            if old != new:
                differ = int.from_bytes(old, "big") ^ int.from_bytes(new, "big")
                return count + size - (differ.bit_length() + 7) // 8
            count += size
        return count


def _put(states: dict[_State, float], back: _Back, state: _State, cost: float, at: int, previous: _State) -> None:
    if cost < states.get(state, math.inf):
        states[state] = cost
        back[state] = (at, previous)


def _path(back: dict[int, _Back], state: _State, begin: int, end: int) -> list[Run]:
    runs = []
    while end > begin:
        at, previous = back[end][state]
        runs.append(Run(at, end, state[1], state[0]))
        end, state = at, previous
    return runs[::-1]


def _join(runs: list[Run], run: Run) -> None:
    """Appends `run`, as part of the last one if it goes on with that."""
    last = runs[-1] if runs else None
    if last and last.kind == run.kind and (run.kind == INSERT or last.shift == run.shift):
        runs[-1] = Run(last.begin, run.end, run.kind, run.shift)
    else:
        runs.append(run)
