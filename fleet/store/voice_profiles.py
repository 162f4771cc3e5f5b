"""The operator's voice profile: every version of it, the last in force."""

from __future__ import annotations

import json
from dataclasses import asdict

from sqlalchemy import func, insert, select

from fleet.domain.voice_profile import MediaSecurity, NameServer, Registrar, Transport, VoiceProfile
from fleet.store.tables.voice import voice_profiles
from fleet.store.unit_of_work import UnitOfWork

PROFILE = "voice-profile"  # what it is called in a path and in If-Match
VOICE_PROFILE_LOCK = 7_526_467  # any number of our own: PostgreSQL's advisory lock

_VERSION = select(func.max(voice_profiles.c.version))


class VoiceProfileRepository:
    """The operator's, the same for every account: no scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection

    def version(self) -> int:
        """The version in force; 0 while no profile was ever set."""
        return self._connection.scalar(_VERSION) or 0

    def current(self) -> VoiceProfile | None:
        """The profile in force."""
        newest = select(voice_profiles.c.profile).order_by(voice_profiles.c.version.desc()).limit(1)
        text = self._connection.scalar(newest)
        return None if text is None else _profile(text)

    def hold(self) -> int:
        """The version in force; no other transaction sets one until this one ends."""
        if self._connection.dialect.name == "postgresql":  # SQLite has one writer anyway
            self._connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({VOICE_PROFILE_LOCK})")
        version = self.version()
        self._uow.check_seen(PROFILE, version)
        return version

    def add(self, profile: VoiceProfile, version: int) -> None:
        """The profile in force from now on."""
        row = {"version": version, "profile": json.dumps(asdict(profile)), "actor": self._uow.actor.reference}
        self._connection.execute(insert(voice_profiles).values(**row, at=self._uow.now))


def _profile(text: str) -> VoiceProfile:
    found = json.loads(text)
    registrars = [Registrar(each["host"], each["port"], Transport(each["transport"])) for each in found["registrars"]]
    places = {"registrars": tuple(registrars), "dns": tuple(NameServer(**each) for each in found["dns"])}
    lists = {name: tuple(found[name]) for name in ("emergency", "codecs")}
    return VoiceProfile(**found | places | lists | {"media_security": MediaSecurity(found["media_security"])})
