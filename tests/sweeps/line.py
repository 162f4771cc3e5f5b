"""LINE's long checks: mutated SIP messages on both interpreters."""

from __future__ import annotations

from tests.firmware.power_cuts import stand_ins

stand_ins.install()

from tests.firmware.adapter.sip.fuzzing.sip_fuzz import fuzz  # noqa: E402
from tests.sweeps.sweep import Outcome, Sweep  # noqa: E402

_MUTANTS = 50_000  # a seed


def sip_parser(seed: int) -> Outcome:
    """Mutants of messages, SDP, challenges, URIs and DNS answers: only SipError, the same on both, no leak."""
    taken, faults = fuzz(seed, _MUTANTS)
    return Outcome(_MUTANTS, tuple(faults[:20]), {"accepted": taken})


SWEEPS = [Sweep("sip_parser", "mutants", sip_parser)]
