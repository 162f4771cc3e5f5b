"""Maintenance hours and mirrors hold from the first moment after a restart: main goes by the configuration it kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from protocol.wire import messages
from tests.conftest import RunMicroPython

NOON_S = 1_795_348_800
HOUR_S = 3600
SCRIPT = """
import json, sys
from binascii import unhexlify
import main
from adapter.clock import Clock

facts = json.loads(sys.stdin.read())

class Settings:
    configuration = unhexlify(facts["kept"])

    def keep_configuration(self, data):
        self.configuration = data

class Uplink:
    configuration = None

class Unit:
    _kept_configuration = None
    _addresses = {"updates_host": "own", "updates_port": 443}
    settings = Settings()
    _uplink = Uplink()
    _clock = Clock()
    uptime = staticmethod(lambda: 0)
    note = staticmethod(lambda error: None)
    _configuration = main.Unit._configuration
    may_restart = main.Unit.may_restart
    update_places = main.Unit.update_places

unit = Unit()
unit._clock.set(facts["now_s"] * 1000, 0)
print(json.dumps([unit.may_restart(), unit.update_places(), len(unit.settings.configuration)]))
"""


def start(micropython: RunMicroPython, kept: bytes, now_s: int = NOON_S) -> Any:
    """Whether the unit may restart, where it looks for updates, and the length of what it keeps."""
    return json.loads(micropython(SCRIPT, stdin=json.dumps({"kept": kept.hex(), "now_s": now_s})))


def configuration(from_s: int, until_s: int, version: int | None = None) -> bytes:
    values = {
        "config_version": 1, "heartbeat_s": 60, "channel": 0, "maintenance_from_s": from_s,
        "maintenance_until_s": until_s, "line_allowed": 0, "update_mirrors": [{"host": "mirror", "port": 8443}],
        "line_level": 0, "voice": [],
    }  # fmt: skip
    return bytes(messages.pack("configuration", values, version=version))


@pytest.mark.parametrize(("now_s", "may"), [(NOON_S, False), (NOON_S + 5 * HOUR_S, True)])
def test_hours_hold_before_the_fleet_is_reached(micropython: RunMicroPython, now_s: int, may: bool) -> None:
    kept = configuration(NOON_S + 4 * HOUR_S, NOON_S + 6 * HOUR_S)
    assert start(micropython, kept, now_s) == [may, [["own", 443], ["mirror", 8443]], len(kept)]


def test_what_a_release_before_voice_accounts_kept_is_read(micropython: RunMicroPython) -> None:
    kept = configuration(NOON_S + 4 * HOUR_S, NOON_S + 6 * HOUR_S, version=3)
    assert start(micropython, kept) == [False, [["own", 443], ["mirror", 8443]], len(kept)]


@pytest.mark.parametrize(("kept", "left"), [(b"", 0), (b"\xff" * 20, 0)])
def test_without_a_configuration_that_can_be_read_any_hour_will_do(
    micropython: RunMicroPython, kept: bytes, left: int
) -> None:
    assert start(micropython, kept) == [True, [["own", 443]], left]
