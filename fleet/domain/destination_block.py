"""Destinations and countries an Account may not call, at once and until somebody lifts it (equipment rules 7).

- The proxy enforces it, by prefix; a unit need not know. The longest prefix of its rules counts, so that a country
  whose numbers lie within another's (Jamaica within +1) can be blocked or left open on its own.
- A block by prefix takes in all numbers under it, whatever countries they are in.
- Emergency numbers and other short ones are no numbers of the world: no rule ever touches them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleet.domain.call_metering import checked_prefix
from fleet.domain.calling_codes import COUNTRY_OF_PREFIX, COUNTRY_PREFIXES, checked_country
from fleet.domain.errors import ConflictError
from fleet.domain.references import Noun, refer


class BlockedBy(StrEnum):
    PREFIX = "prefix"
    COUNTRY = "country"


@dataclass(frozen=True, slots=True)
class Destination:
    """A range of numbers, +8821, or a country, CU."""

    by: BlockedBy
    name: str


@dataclass(frozen=True, slots=True)
class DestinationBlock:
    """A block of an account, who made it and why; `lifted_at` None: in force."""

    id: int
    account_id: int
    destination: Destination
    why: str
    blocked_by: str
    blocked_at: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lifted_why: str = ""
    version: int = 1

    @property
    def reference(self) -> str:
        """Its name to people: DB-1."""
        return refer(Noun.DESTINATION_BLOCK, self.id)


@dataclass(frozen=True, slots=True, order=True)
class ProxyRule:
    """What a proxy does with a call to a number under `prefix`, unless a rule with a longer prefix fits it."""

    prefix: str
    blocked: bool


def destination(text: str) -> Destination:
    """What people write as +8821 or as CU; InvalidError for anything else."""
    if text.strip().startswith("+"):
        return Destination(BlockedBy.PREFIX, checked_prefix(text))
    return Destination(BlockedBy.COUNTRY, checked_country(text))


def check_new(wanted: Destination, in_force: Iterable[DestinationBlock]) -> None:
    """ConflictError if the account has that very block already."""
    for block in in_force:
        if block.destination == wanted:
            raise ConflictError(f"{wanted.name} is blocked already: {block.reference}")


def check_in_force(block: DestinationBlock) -> None:
    """ConflictError for a block that was lifted before."""
    if block.lifted_at is not None:
        raise ConflictError(f"{block.reference} was lifted already, by {block.lifted_by}")


def proxy_rules(blocked: Collection[Destination]) -> list[ProxyRule]:
    """What the proxy needs to know of an account's blocks in force, by prefix; nothing where there are none."""
    prefixes = {each.name for each in blocked if each.by is BlockedBy.PREFIX}
    countries = {each.name for each in blocked if each.by is BlockedBy.COUNTRY}
    of_countries = {prefix for country in countries for prefix in COUNTRY_PREFIXES[country]}
    open_within = {
        prefix
        for prefix, country in COUNTRY_OF_PREFIX.items()
        if country not in countries
        and prefix.startswith(tuple(of_countries))
        and not prefix.startswith(tuple(prefixes))
    }
    rules = [ProxyRule(prefix, blocked=True) for prefix in prefixes | of_countries]
    return sorted(rules + [ProxyRule(prefix, blocked=False) for prefix in open_within])


def rules_text(rules: Iterable[ProxyRule]) -> str:
    """The rules as the registrar's list has them: `+7 !+76`, with ! before what is open within a blocked range."""
    return " ".join(f"{'' if rule.blocked else '!'}{rule.prefix}" for rule in rules)


def is_blocked(number: str, rules: Iterable[ProxyRule]) -> bool:
    """Whether a call to a number of the world is blocked: as a proxy reads the rules."""
    fitting = [rule for rule in rules if number.startswith(rule.prefix)]
    return max(fitting, key=lambda rule: len(rule.prefix)).blocked if fitting else False
