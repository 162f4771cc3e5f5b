"""The public keys with which the fleet signs, asked of it or from a file that holds its answer."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from protocol.wire.release import DIRECTOR_ROLE
from tools.client import FleetClient
from tools.release.errors import ReleaseError
from tools.release.terminal import read_json

ONLINE_ROLES: Final = ("snapshot", "timestamp", DIRECTOR_ROLE)
UPDATE_KEYS_PATH: Final = "/v1/update-keys"

UpdateKeysOption = Annotated[
    Path | None, typer.Option("--update-keys", help="The answer of GET /v1/update-keys in a file: no fleet is asked.")
]


def fleet_keys(file: Path | None, make_next: Collection[str] = ()) -> dict[str, Any]:
    """An entry for each of ONLINE_ROLES at least, as GET /v1/update-keys gives them; ReleaseError if `file` has none.

    Without a file the fleet is asked, and makes the next keys that roles of `make_next` lack.
    """
    if file is not None:
        return _checked(file, read_json(file))
    with FleetClient.from_environment() as fleet:
        if make_next:
            found: dict[str, Any] = fleet.post(f"{UPDATE_KEYS_PATH}/next", {"roles": list(make_next)})
        else:
            found = fleet.get(UPDATE_KEYS_PATH)
    return found


def _checked(file: Path, found: Any) -> dict[str, Any]:
    lacking = [role for role in ONLINE_ROLES if not isinstance(found, dict) or not isinstance(found.get(role), dict)]
    if lacking:
        raise ReleaseError(f"{file} has no {', '.join(lacking)} key; save the answer of GET {UPDATE_KEYS_PATH} there")
    answer: dict[str, Any] = found
    return answer
