"""Sound rollouts over 100,000 units at protocol level: 95,000 units are updated, which takes the longest of all."""

from __future__ import annotations

from tests.sweeps.rollout_protocol import sweep_of

SWEEPS = [sweep_of("sound", "sound")]
