"""Which number of the world somebody dialled."""

from __future__ import annotations

import pytest

from fleet.domain.dialled_number import is_emergency, world_number


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("+442079460100", "+442079460100"),
        ("+1 (876) 555-0100", "+18765550100"),
        ("011442079460100", "+442079460100"),
        ("18765550100", "+18765550100"),
        ("8765550100", "+18765550100"),
        ("5550100", None),  # seven digits are no number of the world: they name no area
        ("0115550", None),
        ("11111111111", None),
        ("911", None),
        ("112", None),
        ("*69", None),
        ("anonymous", None),
        ("", None),
        ("+0442079460100", None),
        ("+4420794601001234", None),
    ],
)
def test_what_was_dialled_as_the_world_writes_it(dialled: str, number: str | None) -> None:
    assert world_number(dialled) == number


def test_emergency_numbers_are_known_whatever_the_unit_says() -> None:
    assert [is_emergency(each) for each in ("911", "112", "9911", "411")] == [True, True, False, False]
