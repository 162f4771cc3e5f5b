"""A file that does not hold the fleet's keys is said in a sentence, and nothing is signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.release_owners import tree
from tests.tools.release.desk import BOTH, done, release
from tools.release.errors import ReleaseError
from tools.release.fleet_keys import ONLINE_ROLES

FILE = ("--update-keys", "update-keys.json")


def refused(desk: Path, answer: Any, arguments: tuple[str, ...], match: str) -> None:
    (desk / "update-keys.json").write_text(json.dumps(answer))
    before = tree(desk)
    result = release(*arguments, *FILE)
    assert result.exit_code == 1
    assert isinstance(result.exception, ReleaseError), repr(result.exception)
    assert match in str(result.exception)
    assert tree(desk) == before


@pytest.mark.parametrize("answer", [{}, [], None, 1, "x", {"snapshot": {}}, dict.fromkeys(ONLINE_ROLES, 1)])
def test_a_file_without_the_fleets_keys(desk: Path, answer: Any) -> None:
    done("keys", "create", "keys", "--board", "simulated")
    match = "director key; save the answer of GET /v1/update-keys there"
    refused(desk, answer, ("init", *BOTH, "--board", "simulated"), match)
    done("init", *BOTH, "--board", "simulated")
    refused(desk, answer, ("keys", "rotate", "online", *BOTH), match)


@pytest.mark.parametrize("entry", [{}, {"keyid": "f", "key": {}}, {"keyid": "f", "key": "x"}])
def test_a_file_with_entries_that_are_no_keys(desk: Path, entry: Any) -> None:
    answer = dict.fromkeys(ONLINE_ROLES, entry)
    done("keys", "create", "keys", "--board", "simulated")
    refused(desk, answer, ("init", *BOTH, "--board", "simulated"), "no public key")
    done("init", *BOTH, "--board", "simulated")
    refused(desk, answer, ("keys", "rotate", "online", *BOTH), "no public key")
