"""Random histories of an account cost the same, end the same and are refused the same by the services and the oracle.

A sample; as many as one likes are played by `make soak AREA=equipment`.
"""

from __future__ import annotations

from collections import Counter

from tests.fleet.services.equipment_played.acts import ACTS
from tests.fleet.services.equipment_played.playing import play_history

EVENTS_AT_LEAST = 350
SEEDS = (7, 8, 11, 12, 19, 211, 238, 255)  # all kinds of events occur in them
LENGTH = 50


def test_services_and_oracle_agree_at_every_step_of_histories_of_every_kind_of_event() -> None:
    events: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for seed in SEEDS:
        play, differences = play_history(seed, LENGTH)
        assert differences == [], f"seed {seed}"
        events += play.events
        refused += play.refused
    assert events.total() >= EVENTS_AT_LEAST
    assert {kind.__name__ for kind in ACTS} - set(events) == set()
    assert refused.total() >= EVENTS_AT_LEAST // 10
