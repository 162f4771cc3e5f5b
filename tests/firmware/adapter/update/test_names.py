"""Patterns cover what TUF says they cover; names never leave their folder."""

import fnmatch
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.update.errors import MismatchError
from adapter.update.file_names import assignment_path, metadata_path, stored_name, target_path
from adapter.update.target_paths import matches


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("simulated_*.img", "simulated_1.0.img", True),
        ("simulated_*.img", "simulated-2_1.0.img", False),
        ("director/*", "simulated_1.0.img", False),
        ("*", "a/b", False),
        ("a/*", "a/b", True),
        ("a/*/c", "a/b/c", True),
        ("?", "", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("*", "", True),
        ("[ab]", "a", False),  # no character sets
        ("*" * 200, "a", False),
    ],
)
def test_patterns(pattern: str, name: str, covered: bool) -> None:
    assert matches(pattern, name) is covered


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_without_slashes_are_those_of_the_shell(pattern: str, name: str) -> None:
    assert matches(pattern, name) == fnmatch.fnmatchcase(name, pattern)


@given(st.text(max_size=20))
def test_a_role_cannot_leave_its_folder(role: str) -> None:
    allowed = set(string.ascii_letters + string.digits + "_.-~%")
    assert set(stored_name(role)) <= allowed
    assert set(metadata_path(role, 3).removeprefix("metadata/")) <= allowed


def test_names_are_those_of_the_repository() -> None:
    assert metadata_path("timestamp") == "metadata/timestamp.json"
    assert metadata_path("board-simulated", 7) == "metadata/7.board-simulated.json"
    assert target_path("simulated_1.0.img", "ab") == "targets/ab.simulated_1.0.img"
    assert target_path("a b/c.img", "ab") == "targets/a%20b/ab.c.img"
    assert assignment_path("PT000000019") == "director/PT000000019.json"
    assert target_path("a+b@1/c:d(e).img", "ab") == "targets/a+b@1/ab.c:d(e).img"  # RFC 3986 3.3 lets these stand
    assert target_path("50%/what?.img#1") == "targets/50%25/what%3F.img%231"


@pytest.mark.parametrize("role", ["r" * 241, "/" * 81])
def test_a_role_whose_file_name_no_file_system_takes_is_refused(role: str) -> None:
    for name in (stored_name, metadata_path):
        with pytest.raises(MismatchError, match="at most 240"):
            name(role)
    assert len(stored_name(role[: len(role) - 1])) <= 250
