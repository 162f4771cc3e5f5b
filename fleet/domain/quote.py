"""What ending service on a date would cost for each unit, and why, in words (equipment rules 3.4 to 3.6).

It holds for the facts known now: a receipt not yet seen is taken for the assumed one, and said so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fleet.domain.money import ZERO, Money
from fleet.domain.term import Term


class TermState(StrEnum):
    """Where a term stands on a date."""

    NONE = "none"  # never one: bought, or never arrived
    NOT_BEGUN = "not_begun"
    RUNNING = "running"
    OVER = "over"
    SUPERSEDED = "superseded"
    IN_OUR_HANDS = "in_our_hands"


REASONS: dict[TermState, str] = {
    TermState.NONE: "{term.unit} was not provided free of charge: it has no minimum equipment term.",
    TermState.NOT_BEGUN: (
        "The minimum equipment term of {term.unit} has not begun on {on}; it begins on {term.begins} ({term.basis})."
    ),
    TermState.RUNNING: (
        "The minimum equipment term of {term.unit} runs from {term.begins} ({term.basis}) to {term.ends} "
        "and is not over on {on}: {term.fee}."
    ),
    TermState.OVER: "The minimum equipment term of {term.unit}, from {term.begins}, was over on {term.ends}.",
    TermState.SUPERSEDED: (
        "{term.unit} was replaced by {term.replaced_by}, received on {term.superseded_on}: its term is superseded."
    ),
    TermState.IN_OUR_HANDS: "{term.unit} came back under an RMA on {term.in_hands_since}: it is in our hands on {on}.",
}


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """The fee for one placement of a unit should its service end on the date asked for; `warning` may be empty."""

    unit: str
    placement: int
    fee: Money
    state: TermState
    reason: str
    warning: str
    term_from: date | None
    term_until: date | None


def quote(terms: Iterable[Term], on: date) -> list[QuoteLine]:
    """One line a term, in the order given."""
    return [_line(term, on) for term in terms]


def state_on(term: Term, on: date) -> TermState:
    """The state of `term` on the local date `on`."""
    if term.begins is None or term.ends is None:
        return TermState.NONE
    if term.superseded_on is not None and term.superseded_on <= on and term.superseded_on < term.ends:
        return TermState.SUPERSEDED
    if on < term.begins:
        return TermState.NOT_BEGUN
    if term.ends <= on:
        return TermState.OVER
    in_hands = term.in_hands_since is not None and term.in_hands_since <= on
    return TermState.IN_OUR_HANDS if in_hands else TermState.RUNNING


def _line(term: Term, on: date) -> QuoteLine:
    state = state_on(term, on)
    return QuoteLine(
        unit=term.unit,
        placement=term.placement,
        fee=term.fee if state is TermState.RUNNING else ZERO,
        state=state,
        reason=_reason(term, state, on),
        warning=_warning(term, on),
        term_from=term.begins,
        term_until=term.ends,
    )


def _reason(term: Term, state: TermState, on: date) -> str:
    if state is TermState.NONE and term.free:
        return f"The shipment of {term.unit} was reported {term.failed}: no minimum equipment term began."
    return REASONS[state].format(term=term, on=on)


def _warning(term: Term, on: date) -> str:
    """Equipment rules 3.6: a replacement on its way is warned of."""
    if term.free and term.superseded_on is not None and term.superseded_on > on:
        return (
            f"Replacement {term.replaced_by} is on its way: from its receipt (by {term.superseded_on} as far as known) "
            f"it has a new term, and {term.unit} has none."
        )
    return ""
