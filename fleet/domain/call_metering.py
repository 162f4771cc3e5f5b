"""Which calls are metered, for how many minutes, and what they are charged (equipment rules 7).

- The operator's table names metered destinations by prefix, each with a price from a date on; of those in force on the
  day of the call the longest prefix counts, and one at no price takes its numbers out again.
- A metered call is counted in full minutes, each begun. Calls in, calls nobody answered and emergency calls never are.
- A month is charged once it is over: one event an account. What became known later is one more, never a change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation, Overflow
from typing import Final

from fleet.domain.call_record import CallDirection, CallRecord
from fleet.domain.charge import ChargeEvent, ChargeKind, ChargeRule, Ledger, charge_key
from fleet.domain.dialled_number import is_emergency, world_number
from fleet.domain.errors import InvalidError
from fleet.domain.local_dates import ONE_DAY, months_after
from fleet.domain.money import ZERO, Money
from fleet.domain.reason import Reason

MINUTE_MS: Final = 60_000
MAX_PREFIX_DIGITS: Final = 9  # a range of numbers, never one person's
MAX_NAME_CHARACTERS: Final = 60
HUNDREDTHS: Final = 100  # of a cent
MAX_PRICE_HUNDREDTHS: Final = 10_000 * HUNDREDTHS  # $100 a minute: a slip of the hand must not charge a fortune
_PREFIX: Final = re.compile(rf"\+[1-9][0-9]{{0,{MAX_PREFIX_DIGITS - 1}}}")


@dataclass(frozen=True, slots=True, order=True)
class MinutePrice:
    """What a minute costs, exact, in hundredths of a cent: such prices are smaller than money is."""

    hundredths: int

    @classmethod
    def parse(cls, text: str) -> MinutePrice:
        """Dollars with at most four decimals, as 0.0125; InvalidError for anything else."""
        try:
            hundredths = Decimal(text.strip().removeprefix("$")) * 100 * HUNDREDTHS
        except (InvalidOperation, Overflow):
            raise InvalidError(f"a price is dollars a minute, as 0.0125, got {text[:20]!r}") from None
        if not hundredths.is_finite() or not 0 <= hundredths <= MAX_PRICE_HUNDREDTHS or hundredths % 1:
            raise InvalidError(f"a price is $0 to $100 a minute with at most four decimals, got {text[:20]!r}")
        return cls(int(hundredths))

    @property
    def dollars(self) -> str:
        """As a file has it: 0.2500."""
        dollars, rest = divmod(self.hundredths, 100 * HUNDREDTHS)
        return f"{dollars}.{rest:04}"

    def __str__(self) -> str:
        return f"${self.dollars}"


@dataclass(frozen=True, slots=True)
class MeteredDestination:
    """A row of the operator's table: numbers under `prefix` cost `price` a minute from a local date on.

    `name`: where that is, in words. At no price they are not metered from then on.
    """

    prefix: str
    name: str
    price: MinutePrice
    effective_from: date
    id: int = 0


@dataclass(frozen=True, slots=True)
class MeteredCalls:
    """Calls of one destination together."""

    destination: MeteredDestination
    calls: int
    minutes: int

    @property
    def cost_hundredths(self) -> int:
        """In hundredths of a cent; rounded only where it is charged."""
        return self.destination.price.hundredths * self.minutes


def metered_destination(prefix: str, name: str, price: str, effective_from: str) -> MeteredDestination:
    """A row as a file has it; InvalidError for one that says nothing we know."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise InvalidError(f"a destination is named in 1 to {MAX_NAME_CHARACTERS} characters, got {name[:40]!r}")
    try:
        day = date.fromisoformat(effective_from.strip())
    except ValueError:
        raise InvalidError(f"a date is written 2027-01-31, got {effective_from[:20]!r}") from None
    return MeteredDestination(checked_prefix(prefix), name, MinutePrice.parse(price), day)


def checked_prefix(text: str) -> str:
    """The beginning of numbers as E.164 writes them, +8821; InvalidError for anything else."""
    prefix = text.strip()
    if not _PREFIX.fullmatch(prefix):
        raise InvalidError(f"a prefix is + and 1 to {MAX_PREFIX_DIGITS} digits, as +8821, got {text[:20]!r}")
    return prefix


def prefixes_of(number: str) -> list[str]:
    """Every prefix a number of the world may stand under, the longest first."""
    return [number[:length] for length in range(min(len(number), MAX_PREFIX_DIGITS + 1), 1, -1)]


def metered_number(record: CallRecord) -> str | None:
    """The number of the world that a call may be metered for; None: it never is."""
    metered = record.direction is CallDirection.OUT and record.answered and not record.emergency
    return world_number(record.number) if metered and not is_emergency(record.number) else None


def destination_of(number: str, day: date, table: Iterable[MeteredDestination]) -> MeteredDestination | None:
    """What a call to `number` on `day` is metered by; None: it is not."""
    in_force: dict[str, MeteredDestination] = {}
    for row in table:
        known = in_force.get(row.prefix)
        if row.effective_from <= day and (known is None or known.effective_from < row.effective_from):
            in_force[row.prefix] = row
    found = next((in_force[prefix] for prefix in prefixes_of(number) if prefix in in_force), None)
    return found if found is not None and found.price.hundredths else None


def minutes_begun(duration_ms: int) -> int:
    """The full minutes a call is counted as (equipment rules 7)."""
    return -(-duration_ms // MINUTE_MS)


def check_new_destinations(
    new: Sequence[MeteredDestination], known: Iterable[MeteredDestination], today: date
) -> list[str]:
    """Why each of `new` is refused, empty if it is not: a price takes effect after today, and has one value a day."""
    values = {(row.prefix, row.effective_from): row for row in known}
    reasons = []
    for row in new:
        key, reason = (row.prefix, row.effective_from), ""
        if key not in values and row.effective_from <= today:
            reason = f"{row.prefix} takes effect after today, {today}, got {row.effective_from}"
        stands = values.setdefault(key, row)
        if (stands.price, stands.name) != (row.price, row.name):
            reason = f"{row.prefix} is {stands.name} at {stands.price} from {row.effective_from} on already"
        reasons.append(reason)
    return reasons


def metered_calls_charge(account: str, month: date, calls: Sequence[MeteredCalls], ledger: Ledger) -> list[ChargeEvent]:
    """What an account pays for the metered calls of a month that were not charged yet, half up to the cent.

    `calls`: by destination. Nothing where they come to no cent.
    """
    hundredths = sum(each.cost_hundredths for each in calls)
    amount = Money((2 * hundredths + HUNDREDTHS) // (2 * HUNDREDTHS))
    if amount <= ZERO:
        return []
    key = next_charge_key(account, month, ledger)
    count, minutes = sum(each.calls for each in calls), sum(each.minutes for each in calls)
    text = f"{count} metered calls of {month:%Y-%m}, {minutes} minutes begun, come to {amount}."
    inputs = [("account", account), ("month", f"{month:%Y-%m}")]
    inputs += [(_name_of(each), f"{each.calls} calls, {each.minutes} min") for each in calls]
    on = months_after(month, 1) - ONE_DAY
    reason, rule = Reason("ER 7", text), ChargeRule.METERED_CALLS
    return [ChargeEvent(key, ChargeKind.CHARGE, rule, account, amount, on, reason, tuple(inputs))]


def next_charge_key(account: str, month: date, ledger: Ledger) -> str:
    """The key of the next event of that month: the first has its name, what became known later a number behind it."""
    number = 1
    while True:
        occasion = f"{month:%Y-%m}" if number == 1 else f"{month:%Y-%m}-{number}"
        key = charge_key(ChargeRule.METERED_CALLS, account, occasion)
        if ledger.find(key) is None:
            return key
        number += 1


def _name_of(calls: MeteredCalls) -> str:
    """The row of the table that was applied: with its date, which is its version."""
    row = calls.destination
    return f"{row.prefix} {row.name} at {row.price} since {row.effective_from}"
