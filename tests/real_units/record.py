"""Makes the golden traces anew: `python -m tests.real_units.record`, about five minutes; `... STORY` one alone."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hil_tests.rig.strategy import State
from tests.real_units import traces
from tests.real_units.stage import opened
from tests.real_units.stories import STORIES
from tests.real_units.traces import Telling

IN_CALLS = ("taken_back_before", "call_while_staged")


def main(wanted: list[str]) -> None:
    """Plays the stories one after the other, each at a fleet and with a unit of its own."""
    found = traces.load() if wanted and traces.GOLDEN.exists() else {}
    for name in wanted or STORIES:
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as stage:
            unit = stage.unit(state=State.REGISTERED if name in IN_CALLS else State.ACTIVE)
            telling = Telling(unit)
            unit.start_anew()
            STORIES[name](unit, telling)
            found[name] = telling.trace()
        print(f"{name}: {len(found[name])} rows, {found[name][-1]['at_s']} s", flush=True)
        traces.save({name: found[name] for name in STORIES if name in found})


if __name__ == "__main__":
    main(sys.argv[1:])
