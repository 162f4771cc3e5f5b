"""The light: one meaning for everything a unit can be doing."""

import pytest

from adapter import light_guide, lights
from protocol.wire.enumerations import UNIT_STATES, UPDATE_STATES
from tests.conftest import REPOSITORY, RunMicroPython


@pytest.mark.parametrize("state", UNIT_STATES)
@pytest.mark.parametrize("update_state", UPDATE_STATES)
def test_every_state_has_a_pattern_that_exists(state: str, update_state: str) -> None:
    assert lights.pattern(lights.condition(state, update_state=update_state)) in light_guide.CYCLES


def test_what_matters_most_is_shown() -> None:
    assert lights.condition("ready") == "ready"
    assert lights.condition("ready", update_state="downloading") == "updating"
    assert lights.condition("connect", update_state="downloading") == "connect"
    assert lights.condition("link", factory=True) == "factory"
    assert lights.condition("ready", factory=True, identify=True) == "identify"


def test_a_fault_shows_how_far_the_unit_got() -> None:
    shown = [lights.pattern(state) for state in ("link", "address", "time", "connect")]
    assert shown == ["one_flash", "two_flashes", "three_flashes", "four_flashes"]
    for flashes, name in enumerate(shown, 1):
        assert len(light_guide.CYCLES[name]) == 2 * flashes


def test_an_unknown_condition_is_an_error() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        lights.pattern("nonsense")


def test_the_table_is_rendered_alike_on_both(micropython: RunMicroPython) -> None:
    text = light_guide.render()
    assert text.count("\n") == len(lights.LIGHTS) + 2
    assert micropython("from adapter import light_guide\nimport sys\nsys.stdout.write(light_guide.render())") == text


def test_the_guide_for_people_is_drawn_from_the_table() -> None:
    assert light_guide.render() in (REPOSITORY / "docs" / "lights.md").read_text()
