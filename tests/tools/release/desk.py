"""A release manager's desk: the release commands, and image files, in the folder that the fixture `desk` made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from tests.fleet.release_owners import make_image
from tools.release import cli

RUNNER = CliRunner()
BOTH = ("--keys", "keys", "--bundle", "releases")


def release(*arguments: str) -> Result:
    """What `plugtone release` with these arguments came to."""
    return RUNNER.invoke(cli.app, list(arguments))


def done(*arguments: str) -> Any:
    """The JSON of a release command that has to work."""
    result = release(*arguments, "--json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout)


def image_file(desk: Path, version: str, counter: int) -> str:
    """The path of an image nothing will run."""
    path = desk / f"{version}.img"
    path.write_bytes(make_image(version, counter))
    return str(path)


def initialised(desk: Path) -> None:
    """Keys and a bundle whose first root, targets and board role are signed."""
    done("keys", "create", "keys", "--board", "simulated")
    done("init", *BOTH, "--board", "simulated")
