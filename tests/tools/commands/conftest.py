"""A service with a release root and MAC addresses, and `plugtone` as its admin runs it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import (  # noqa: F401 - fixtures
    authorities,
    clock,
    offline_keys,
    passwords,
    services,
    settings,
    url,
)
from tests.fleet.release_owners import Owners
from tools import cli
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys

Run = Callable[..., Any]


@pytest.fixture
def plugtone(
    services: Services,  # noqa: F811
    url: str,  # noqa: F811
    offline_keys: OfflineKeys,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs the command; what it printed is decoded from JSON after `--json`. Any other status than 0 is an error."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository)
    owners.initialise()
    owners.publish()
    monkeypatch.setenv("PLUGTONE_URL", url)
    monkeypatch.setenv("PLUGTONE_TOKEN", services.access.issue_host_token("test", Role.ADMIN).secret)

    def run(*arguments: object, status: int = 0) -> Any:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert (caught.value.code or 0) == status, printed.out + printed.err
        if status:
            return printed.err
        return json.loads(printed.out) if "--json" in arguments and "flash" not in arguments else printed.out

    return run
