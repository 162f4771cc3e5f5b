"""What voice accounts may never be, whatever happened to units, lines and numbers before."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from fleet.domain.voice_profile import Registrar, VoiceProfile
from fleet.store.tables.commerce import placements
from fleet.store.tables.equipment import configurations, units
from fleet.store.tables.telephony import phone_numbers
from fleet.store.tables.voice import voice_accounts, voice_profiles

PROFILE = VoiceProfile("voice.example.com", (Registrar("sip.example.com"),))


def voice_faults(connection: Connection) -> Iterator[str]:
    """All that is wrong, in words; every line of a world with a profile has its account, and nothing else has."""
    profile = connection.scalar(select(func.max(voice_profiles.c.version)))
    accounts = {row.serial: row for row in connection.execute(select(voice_accounts))}
    states = {row.serial: row for row in connection.execute(select(units))}
    for told in connection.execute(select(configurations)):
        account = accounts.pop(told.serial, None)
        if (account is not None) is not (told.line_level != "none"):
            yield f"the line of {told.serial} is {told.line_level}, its account: {account and account.tag}"
        elif account is not None and (told.voice_account, told.voice_profile) != (account.tag, profile):
            yield f"{told.serial} is told {told.voice_account} of profile {told.voice_profile}, it has {account.tag}"
        elif account is not None and account.epoch != states[told.serial].epoch:
            yield f"the account of {told.serial} is of epoch {account.epoch}, the unit in {states[told.serial].epoch}"
        elif account is not None and account.number_id is not None:
            yield from _number(connection, told.serial, account.number_id)
    yield from (f"{serial} has an account and no configuration" for serial in accounts)


def _number(connection: Connection, serial: str, number_id: int) -> Iterator[str]:
    """The number is that of the line the unit serves."""
    number = connection.execute(select(phone_numbers).where(phone_numbers.c.id == number_id)).one()
    here = select(placements).where(placements.c.serial == serial, placements.c.until.is_(None))
    stay = connection.execute(here).one()
    while stay.replaces is not None:
        stay = connection.execute(select(placements).where(placements.c.id == stay.replaces)).one()
    if number.line_id != stay.id or number.state not in ("assigned", "porting_in"):
        yield f"{serial} serves line {stay.id} and is called {number.number}, {number.state} on line {number.line_id}"
