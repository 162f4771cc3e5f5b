"""The operator's voice profile, accounts changed on suspicion, and the list a registrar lives on (ER 7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Final

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.destination_block import proxy_rules, rules_text
from fleet.domain.errors import ConflictError
from fleet.domain.reason import check_why
from fleet.domain.voice_account import Subscriber, subscriber_of
from fleet.domain.voice_profile import VoiceProfile, check_profile
from fleet.services.csv_text import csv_text
from fleet.services.downlinks import Downlinks
from fleet.services.line_levels import set_line
from fleet.services.mac_blocks import require_inventory
from fleet.services.voice_accounts import renew_account
from fleet.store.destination_blocks import DestinationBlockRepository
from fleet.store.unit_of_work import Transactions
from fleet.store.units import UnitRepository
from fleet.store.voice_accounts import VoiceAccountRepository
from fleet.store.voice_profiles import PROFILE, VoiceProfileRepository

BATCH_UNITS: Final = 100
EXPORT_ROWS: Final = 500
COLUMNS: Final = tuple(column.name for column in fields(Subscriber))


@dataclass(frozen=True, slots=True)
class ProfileInForce:
    """`profile` None: none was ever set, and no line has an account. `behind`: units that have another one still."""

    version: int
    profile: VoiceProfile | None
    behind: int


class Voice:
    """Profile and accounts are the operator's: no actor of one account has to do with them."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    def profile(self, actor: Actor) -> ProfileInForce:
        """The voice profile in force, and how many units wait for it."""
        require_inventory(actor, Permission.VOICE_READ)
        with self._transactions.read(actor) as uow:
            profiles = VoiceProfileRepository(uow)
            version = profiles.version()
            behind = VoiceAccountRepository(uow).count_behind(version) if version else 0
            return ProfileInForce(version, profiles.current(), behind)

    def set_profile(self, actor: Actor, profile: VoiceProfile) -> ProfileInForce:
        """Put a profile in force; units are told by `bring_profile`, a batch after the other."""
        require_inventory(actor, Permission.VOICE_MANAGE)
        with self._transactions.begin(actor) as uow:
            profiles = VoiceProfileRepository(uow)
            version = profiles.hold()
            if check_profile(profile) != profiles.current():
                version += 1
                profiles.add(profile, version)
                names = [each.name for each in fields(profile)]
                uow.audit(AuditAction.VOICE_PROFILE_SET, f"{PROFILE}:{version}", names)
                uow.send("webhook", f"{PROFILE}:{version}", {"event": "voice_profile.changed", "version": version})
            behind = VoiceAccountRepository(uow).count_behind(version)
            uow.commit()
        return ProfileInForce(version, profile, behind)

    def bring_profile(self, actor: Actor) -> int:
        """Give every unit that has a line the profile in force, and an account whose key is not lost.

        How many lacked that; a batch a transaction.
        """
        count, after = 0, ""
        while True:
            with self._transactions.read(actor) as uow:
                version = VoiceProfileRepository(uow).version()
                serials = VoiceAccountRepository(uow).behind(version, BATCH_UNITS, after) if version else []
            if not serials:
                return count
            with self._transactions.begin(actor) as uow:
                units = UnitRepository(uow)
                units.hold_all(serials)
                for serial in serials:
                    set_line(uow, units.get(serial), self._downlinks)
                uow.commit()
            count, after = count + len(serials), serials[-1]

    def rotate(self, actor: Actor, serial: str, why: str) -> None:
        """Another password for the unit's account, on suspicion; the unit hears of it at once or when it comes on."""
        require_inventory(actor, Permission.NUMBER_MANAGE)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            units = UnitRepository(uow)
            unit = units.hold(serial)
            if not renew_account(uow, unit):
                raise ConflictError(f"{serial} has no voice account: it has no line, or there is no voice profile")
            set_line(uow, unit, self._downlinks)
            units.note(serial, AuditAction.VOICE_ACCOUNT_ROTATE, why)
            uow.audit(AuditAction.VOICE_ACCOUNT_ROTATE, serial, ["password"], unit.account_id)
            uow.commit()

    def subscribers_csv(self, actor: Actor, serial: str | None = None) -> Iterator[str]:
        """The registrar's list as CSV, in pieces of many lines; of one unit: one line, or none if its account ended."""
        return self._pieces(actor, serial, csv_text([COLUMNS]), lambda found: csv_text([asdict(found).values()]))

    def subscribers_lines(self, actor: Actor, serial: str | None = None) -> Iterator[str]:
        """The same as JSON, an object a line."""
        return self._pieces(actor, serial, "", lambda found: json.dumps(asdict(found)) + "\n")

    def _pieces(self, actor: Actor, serial: str | None, head: str, line: Callable[[Subscriber], str]) -> Iterator[str]:
        require_inventory(actor, Permission.SUBSCRIBER_READ)
        return self._each(actor, serial, head, line)

    def _each(self, actor: Actor, serial: str | None, head: str, line: Callable[[Subscriber], str]) -> Iterator[str]:
        if head:
            yield head
        # One snapshot: a number that moves to another unit meanwhile is there once, under the old one or the new.
        with self._transactions.read(actor) as uow:
            profile = VoiceProfileRepository(uow).current()
            if profile is None:
                return
            by_unit = DestinationBlockRepository(uow).by_unit()
            barred = {unit: rules_text(proxy_rules(destinations)) for unit, destinations in by_unit.items()}
            for batch in VoiceAccountRepository(uow).batches(EXPORT_ROWS, serial):
                found = (subscriber_of(each[0], profile, each[1], barred.get(each[0].serial, "")) for each in batch)
                yield "".join(map(line, found))
