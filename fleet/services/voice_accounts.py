"""A line's account at the registrar follows its unit: made, changed and ended where the line is (docs/decisions/0013).

Nothing here commits. A password leaves the database in two places only: `complete`, on its way to its own unit, and
as the digests of the registrar's list (fleet/services/voice.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fleet.domain.access import system_actor
from fleet.domain.audit import AuditAction
from fleet.domain.line_allowance import LineLevel
from fleet.domain.unit import Unit
from fleet.domain.voice_account import AccountKey, VoiceAccount, VoiceStamp
from fleet.domain.voice_profile import VoiceProfile, mailbox_of
from fleet.services.unit_messages import Outgoing
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.voice_accounts import VoiceAccountRepository
from fleet.store.voice_profiles import VoiceProfileRepository
from protocol.wire.enumerations import MEDIA_SECURITY, TRANSPORTS

CONFIGURATION = "configuration"
COMMANDER = system_actor("commands")


class VoiceConfigurations:
    """Fills voice accounts into what the outbox has for units: its letters are kept, and carry no secret."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def complete(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """`messages`, each configuration with the account its unit has at this moment."""
        if not any(message.name == CONFIGURATION for message in messages):
            return list(messages)
        with self._transactions.read(COMMANDER) as uow:
            return complete(uow, messages)


def keep_account(uow: UnitOfWork, unit: Unit, level: LineLevel, number_id: int | None) -> VoiceStamp | None:
    """The account the unit's line has from now on: the one there is, a new one in its place, or none.

    `number_id`: the number it is called by, None for none.
    """
    accounts, version = VoiceAccountRepository(uow), VoiceProfileRepository(uow).version()
    if level is LineLevel.NONE or not version:
        if accounts.end(unit.serial):
            uow.audit(AuditAction.VOICE_ACCOUNT_END, unit.serial, ["password"], unit.account_id)
        return None
    found, key = accounts.find(unit.serial), AccountKey(unit.epoch, number_id, accounts.sealed_by)
    if found is not None and found[1] == key:
        return VoiceStamp(found[0], version)
    return VoiceStamp(_make(uow, unit, key), version)


def renew_account(uow: UnitOfWork, unit: Unit) -> bool:
    """Another password for the unit's account; False if it has none. What its unit is told is set anew after it."""
    found = VoiceAccountRepository(uow).find(unit.serial)
    if found is None:
        return False
    _make(uow, unit, replace(found[1], sealed_by=VoiceAccountRepository(uow).sealed_by))
    return True


def tell_registrar(uow: UnitOfWork, serial: str, version: int) -> None:
    """After the commit the registrar is told to look at the unit's account again; once a configuration version."""
    facts = {"event": "voice_account.changed", "serial": serial}
    uow.send("webhook", f"voice_account:{serial}:{version}", facts)


def complete(uow: UnitOfWork, messages: Sequence[Outgoing]) -> list[Outgoing]:
    """`messages`, each configuration with its unit's account, as the records are now."""
    serials = {message.serial for message in messages if message.name == CONFIGURATION}
    profile = VoiceProfileRepository(uow).current() if serials else None
    accounts = {} if profile is None else VoiceAccountRepository(uow).of(serials)
    rows = {serial: [voice_row(account, profile)] for serial, account in accounts.items() if profile is not None}
    return [
        replace(each, values={**each.values, "voice": rows.get(each.serial, [])})
        if each.name == CONFIGURATION
        else each
        for each in messages
    ]


def voice_row(account: VoiceAccount, profile: VoiceProfile) -> dict[str, Any]:
    """The account as the wire has it."""
    registrars = [
        {"host": each.host, "port": each.port, "transport": TRANSPORTS.index(each.transport)}
        for each in profile.registrars
    ]
    return {
        "user": account.user,
        "auth_user": account.user,
        "password": account.password,
        "domain": profile.domain,
        "display_name": "",
        "country": profile.country,
        "emergency": ",".join(profile.emergency),
        "dial_plan": profile.dial_plan,
        "codecs": ",".join(profile.codecs),
        "ptime_ms": profile.ptime_ms,
        "registration_s": profile.registration_s,
        "media_security": MEDIA_SECURITY.index(profile.media_security),
        "mailbox": mailbox_of(profile, account.user),
        "registrars": registrars,
        "dns": [{"host": each.host, "port": each.port} for each in profile.dns],
    }


def _make(uow: UnitOfWork, unit: Unit, key: AccountKey) -> str:
    uow.audit(AuditAction.VOICE_ACCOUNT_MAKE, unit.serial, ["user", "password"], unit.account_id)
    return VoiceAccountRepository(uow).make(unit.serial, key)
