"""How images and deltas are named: each name is one file's, and lies in its own board's role only."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.wire.release import delta_name, delta_prefix, is_name, paths_of, role_of, target_name

BOARDS = st.text("ab-1", min_size=1, max_size=4)
VERSIONS = st.text("01.-+aF", min_size=1, max_size=5)


def test_a_delta_is_named_after_its_image_and_its_base() -> None:
    image = target_name("simulated", "1.1.0")
    assert image == "simulated_1.1.0.img"
    assert delta_prefix(image) == "simulated_1.1.0_from_"
    assert delta_name(image, "1.0.0") == "simulated_1.1.0_from_1.0.0.delta"


def test_a_boards_role_signs_its_images_and_deltas() -> None:
    assert role_of("simulated") == "board-simulated"
    assert paths_of("simulated") == ["simulated_*.img", "simulated_*.delta"]


@given(st.tuples(BOARDS, VERSIONS, VERSIONS), st.tuples(BOARDS, VERSIONS, VERSIONS))
def test_no_two_deltas_share_a_name_and_no_other_board_signs_one(
    first: tuple[str, str, str], second: tuple[str, str, str]
) -> None:
    names = [delta_name(target_name(board, version), base) for board, version, base in (first, second)]
    assert (names[0] == names[1]) == (first == second)
    assert any(fnmatchcase(names[0], path) for path in paths_of(first[0]))
    assert any(fnmatchcase(names[0], path) for path in paths_of(second[0])) == (first[0] == second[0])


@pytest.mark.parametrize(("board", "version"), [("a_b", "1"), ("a", "1_2"), ("a", "1_from_2"), ("", "1"), ("a", "")])
def test_what_could_be_mistaken_for_another_name_is_no_name(board: str, version: str) -> None:
    assert not is_name(board, version)
