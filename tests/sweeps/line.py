"""LINE's long checks: mutated SIP and RTP on both interpreters, storms of calls, speech through loss and jitter."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.firmware.power_cuts import stand_ins

stand_ins.install()

from tests.firmware.adapter import line_both  # noqa: E402
from tests.firmware.adapter.media import speech, stream_fuzz  # noqa: E402
from tests.firmware.adapter.media.voice_quality import compared, jittered  # noqa: E402
from tests.firmware.adapter.sip.chaos import storm  # noqa: E402
from tests.firmware.adapter.sip.fuzzing import agent_fuzz, sip_fuzz, unit_fuzz  # noqa: E402
from tests.sweeps.sweep import Outcome, Sweep  # noqa: E402

_MUTANTS = 50_000  # a seed
_PACKETS = 20_000
_STORMS = 500  # a seed
_LIVES, _STEPS = 200, 200  # a seed, and what happens in each


def sip_parser(seed: int) -> Outcome:
    """Mutants of messages, SDP, challenges, URIs and DNS answers: only SipError, the same on both, no leak."""
    taken, faults = sip_fuzz.fuzz(seed, _MUTANTS)
    return Outcome(_MUTANTS, tuple(faults[:20]), {"accepted": taken})


def rtp(seed: int) -> Outcome:
    """Rubbish for a stream's ear, and a healthy call after it."""
    _, faults = stream_fuzz.fuzz(seed, _PACKETS)
    return Outcome(_PACKETS, tuple(faults[:20]))


def voice_quality(seed: int) -> Outcome:
    """Three voices at losses of 1 to 10 %, concealed and with silence in the gaps; then with jitter, judged by PESQ."""
    lacking = speech.missing()
    if lacking:
        return Outcome(0, (f"not installed: {lacking}",))
    calls, faults = compared(seed)
    more, late = jittered(seed)
    return Outcome(calls + more, (*faults, *late))


def sip_agent(seed: int) -> Outcome:
    """Mutants of what could come next, to agents in every state under MicroPython: no error, no leak, an answer."""
    return Outcome(_MUTANTS, tuple(agent_fuzz.fuzz(seed, _MUTANTS)[:20]))


def sip_unit(seed: int) -> Outcome:
    """The same over UDP to the running unit, idle, ringing and in a call."""
    with tempfile.TemporaryDirectory(prefix="plugtone-soak-") as folder:
        return Outcome(_MUTANTS, tuple(unit_fuzz.fuzz(Path(folder) / "board", seed, _MUTANTS)[:20]))


def sip_storm(seed: int) -> Outcome:
    """Two users who do anything, over a network that loses and overtakes: at one in the end, with nothing left."""
    failures = []
    for at in range(_STORMS):
        failures += [f"storm {seed * _STORMS + at}: {fault}" for fault in storm(seed * _STORMS + at)]
    return Outcome(_STORMS, tuple(failures[:20]))


def telephone_line(seed: int) -> Outcome:
    """Hooks, keys, calls and levels at random on both interpreters: every act and every sample the same."""
    return Outcome(_LIVES, tuple(line_both.compare(seed * _LIVES, _LIVES, _STEPS)[:20]))


SWEEPS = [
    Sweep("sip_parser", "mutants", sip_parser),
    Sweep("rtp", "packets", rtp),
    Sweep("voice_quality", "calls", voice_quality),
    Sweep("sip_agent", "mutants", sip_agent),
    Sweep("sip_unit", "mutants", sip_unit),
    Sweep("sip_storm", "storms", sip_storm),
    Sweep("telephone_line", "lives", telephone_line),
]
