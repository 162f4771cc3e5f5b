"""LINE's long checks: mutated SIP messages and RTP packets on both interpreters, speech through loss and jitter."""

from __future__ import annotations

from tests.firmware.power_cuts import stand_ins

stand_ins.install()

from tests.firmware.adapter.media import speech, stream_fuzz  # noqa: E402
from tests.firmware.adapter.media.voice_quality import compared, jittered  # noqa: E402
from tests.firmware.adapter.sip.fuzzing.sip_fuzz import fuzz  # noqa: E402
from tests.sweeps.sweep import Outcome, Sweep  # noqa: E402

_MUTANTS = 50_000  # a seed
_PACKETS = 20_000


def sip_parser(seed: int) -> Outcome:
    """Mutants of messages, SDP, challenges, URIs and DNS answers: only SipError, the same on both, no leak."""
    taken, faults = fuzz(seed, _MUTANTS)
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


SWEEPS = [
    Sweep("sip_parser", "mutants", sip_parser),
    Sweep("rtp", "packets", rtp),
    Sweep("voice_quality", "calls", voice_quality),
]
