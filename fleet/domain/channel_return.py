"""Which release a unit that is off channel beta goes back to from a beta release, or why it stays (equipment rules 6).

- The newest stable release that fits the unit, of those that were approved and rolled out: the last started rollout of
  it runs or finished. One that a rollout stopped is no way back.
- Not one the unit went back from or gave up: it would do so again.
- Never below the unit's security floor, the highest security counter that it confirmed: the unit refuses that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fleet.domain.release import Release, ReleaseImage
from fleet.domain.rollout import Running


@dataclass(frozen=True, slots=True)
class OnBeta:
    """A unit that runs a beta release. `floor`: its security floor; `failed`: versions that did not work on it."""

    serial: str
    running: Running
    floor: int
    failed: Collection[str]


@dataclass(frozen=True, slots=True)
class WayBack:
    """The release the unit goes back to, or None; `words` say which, or why it stays."""

    release: str | None
    words: str


def way_back(unit: OnBeta, rolled_out: Sequence[Release]) -> WayBack:
    """Where the unit goes; `rolled_out`: the releases whose last rollout runs or finished."""
    running = unit.running
    fitting: list[tuple[ReleaseImage, str]] = []
    for release in rolled_out:
        image = release.images.get(running.board)
        if image is not None and not image.beta and not image.fit.refusal(running):
            fitting.append((image, release.version))
    if not fitting:
        return WayBack(None, f"it stays on {running.version}: no stable release that fits it was rolled out yet")
    left = [(image, version) for image, version in fitting if version not in unit.failed]
    if not left:
        return WayBack(None, f"it stays on {running.version}: no stable release that was rolled out works on it")
    image, version = max(left, key=lambda pair: pair[0].release_counter)
    if image.release_counter < unit.floor:
        return WayBack(
            None,
            f"it stays on {running.version}: the newest stable release, {version}, has release counter "
            f"{image.release_counter}, below the unit's security floor {unit.floor}",
        )
    return WayBack(version, f"it goes back to {version}")
