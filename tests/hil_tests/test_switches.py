"""A switch worked by commands: its status and its time are looked at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hil_tests.rig.bench import Switch
from hil_tests.rig.errors import RigError
from hil_tests.rig.switches import CommandSwitch


def _shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def test_commands_switch_and_tell(tmp_path: Path) -> None:
    relay = tmp_path / "relay"
    relay.write_text("off")
    switch = CommandSwitch(
        Switch(
            on=_shell(f"printf on >{relay}"), off=_shell(f"printf off >{relay}"), state=["cat", str(relay)],
            says_on="on",
        )
    )  # fmt: skip
    switch.on()
    assert switch.is_on()
    switch.off()
    assert not switch.is_on()


WRONG = {
    "a failure": (_shell("echo no such hub >&2; exit 3"), "status 3: no such hub"),
    "no such program": (["no-such-hub"], "cannot be run"),
    "no end": ([sys.executable, "-c", "import time; time.sleep(60)"], "did not end in 0.3 s"),
}


@pytest.mark.parametrize(("argv", "said"), WRONG.values(), ids=WRONG)
def test_a_command_that_does_not_work_is_said(argv: list[str], said: str) -> None:
    switch = CommandSwitch(Switch(on=argv, off=argv, state=argv, limit_s=0.3))
    with pytest.raises(RigError, match=said):
        switch.on()
