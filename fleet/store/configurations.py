"""The configuration of each unit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, select

from fleet.domain.configuration import Channel, Configuration, Window
from fleet.domain.line_allowance import LineLevel
from fleet.domain.placement import Placement
from fleet.domain.unit import Trust
from fleet.domain.voice_account import VoiceStamp
from fleet.store.tables.commerce import placements
from fleet.store.tables.equipment import configurations, heartbeats, units
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert

_OF_UNIT = select(configurations).where(configurations.c.serial == bindparam("of_serial"))
_NOT_YET_AT = (
    select(configurations)
    .join(heartbeats, heartbeats.c.serial == configurations.c.serial)
    .join(units, units.c.serial == configurations.c.serial)
    .where(units.c.trust == Trust.GOOD, heartbeats.c.serial.in_(bindparam("of_serials", expanding=True)))
    .where(heartbeats.c.config_version != configurations.c.version)
)


class ConfigurationRepository:
    """Reached through a unit the caller has already found in its scope, or by the gateway."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection

    def of(self, serial: str) -> Configuration:
        """The unit's configuration; a unit without one has the first."""
        row = self._connection.execute(_OF_UNIT, {"of_serial": serial}).one_or_none()
        return Configuration(serial) if row is None else _configuration(row)

    def left_at(self, placement: Placement) -> Configuration:
        """What the account has chosen for the unit of a placement, or had when the unit left it."""
        serial = placement.opened.serial
        if placement.until is None:
            return self.of(serial)
        row = self._connection.execute(select(placements).where(placements.c.id == placement.id)).one()
        if row.channel is None:
            return Configuration(serial)
        return Configuration(serial, channel=Channel(row.channel), window=_window(row))

    def save(self, configuration: Configuration) -> Configuration:
        """Store it in place of the one before."""
        upsert(self._connection, configurations, [_values(configuration)])
        return configuration

    def not_yet_at(self, serials: list[str]) -> list[Configuration]:
        """The configurations of those units, if trusted, whose last heartbeat ran another version."""
        return [_configuration(row) for row in self._connection.execute(_NOT_YET_AT, {"of_serials": serials})]


def _values(configuration: Configuration) -> dict[str, Any]:
    window = configuration.window
    return {
        "serial": configuration.serial,
        "version": configuration.version,
        "channel": configuration.channel,
        "window_begins": None if window is None else window.begins,
        "window_ends": None if window is None else window.ends,
        "line_level": configuration.line_level,
        "voice_account": None if configuration.voice is None else configuration.voice.account,
        "voice_profile": None if configuration.voice is None else configuration.voice.profile,
    }


def _configuration(row: Row[Any]) -> Configuration:
    voice = None if row.voice_account is None else VoiceStamp(row.voice_account, row.voice_profile)
    return Configuration(row.serial, row.version, Channel(row.channel), _window(row), LineLevel(row.line_level), voice)


def _window(row: Row[Any]) -> Window | None:
    return None if row.window_begins is None else Window(row.window_begins, row.window_ends)
