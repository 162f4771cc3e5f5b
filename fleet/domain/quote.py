"""What ending service on a date would cost for each unit, and why, in words (equipment rules 3.4 to 3.6).

It holds for the facts known now: a receipt not yet seen is taken for the assumed one, and said so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fleet.domain.money import ZERO, Money
from fleet.domain.term import Term
from fleet.domain.waiver import WAIVERS, EndCause


class TermState(StrEnum):
    """Where a term stands on a date on which the service of its unit ends."""

    NONE = "none"  # never one: bought, or never arrived
    NOT_BEGUN = "not_begun"
    RUNNING = "running"
    OVER = "over"
    SUPERSEDED = "superseded"
    IN_OUR_HANDS = "in_our_hands"
    TRIAL_RETURNED = "trial_returned"
    VALUE_CHARGED = "value_charged"
    WAIVED = "waived"
    ENDED = "ended"


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
    TermState.TRIAL_RETURNED: "{term.unit} was returned in time from its trial, on {term.trial_returned_on}.",
    TermState.VALUE_CHARGED: (
        "The replacement value of {term.unit} was charged on {term.value_charged_on}: it has no minimum equipment term."
    ),
    TermState.WAIVED: "{waiver} No fee for {term.unit}, whose term runs from {term.begins} to {term.ends}.",
    TermState.ENDED: "The service of {term.unit} ended on {term.service_ended_on}, and was settled then.",
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


def quote(terms: Iterable[Term], on: date, cause: EndCause = EndCause.ACCOUNT) -> list[QuoteLine]:
    """One line a term, in the order given, should service end on `on` by `cause`.

    A unit whose service has ended by then is quoted by its own end: what that costs on its day, nothing later.
    """
    return [_line(term, on, cause) for term in terms]


def requote(
    before: Sequence[QuoteLine], terms: Iterable[Term], on: date, cause: EndCause = EndCause.ACCOUNT
) -> list[QuoteLine] | None:
    """The new quote of a pending cancellation, if `terms` are no longer those of `before`; else None (3.6)."""
    after = quote(terms, on, cause)
    return None if after == list(before) else after


def state_on(term: Term, on: date, cause: EndCause = EndCause.ACCOUNT) -> TermState:
    """The state of `term` should service end on the local date `on`, by `cause` unless its own end says another."""
    if term.begins is None or term.ends is None:
        return TermState.NONE
    if term.service_ended_on is not None and term.service_ended_on < on:
        return TermState.ENDED
    if term.superseded_on is not None and term.superseded_on <= on and term.superseded_on < term.ends:
        return TermState.SUPERSEDED
    if on < term.begins:
        return TermState.NOT_BEGUN
    if term.ends <= on:
        return TermState.OVER
    return _state_within(term, on, cause)


def _state_within(term: Term, on: date, cause: EndCause) -> TermState:
    """The state of a term that `on` lies in: it costs a fee but for the exceptions of equipment rules 3.1 and 3.4."""
    if term.value_charged_on is not None and term.value_charged_on <= on:
        return TermState.VALUE_CHARGED
    if term.trial_returned_on is not None:  # in time, be it before or after the service ended
        return TermState.TRIAL_RETURNED
    if _in_our_hands(term, on):
        return TermState.IN_OUR_HANDS
    return TermState.WAIVED if _cause(term, on, cause) in WAIVERS else TermState.RUNNING


def _in_our_hands(term: Term, on: date) -> bool:
    """From the day it came to the day it left again, repaired, both of them (ER 3.4: "that day")."""
    if term.in_hands_since is None or on < term.in_hands_since:
        return False
    return term.in_hands_until is None or on <= term.in_hands_until


def _cause(term: Term, on: date, cause: EndCause) -> EndCause:
    return term.end_cause if term.service_ended_on == on and term.end_cause is not None else cause


def _line(term: Term, on: date, cause: EndCause) -> QuoteLine:
    state = state_on(term, on, cause)
    return QuoteLine(
        unit=term.unit,
        placement=term.placement,
        fee=term.fee if state is TermState.RUNNING else ZERO,
        state=state,
        reason=_reason(term, state, on, cause),
        warning=_warning(term, state, on),
        term_from=term.begins,
        term_until=term.ends,
    )


def _reason(term: Term, state: TermState, on: date, cause: EndCause) -> str:
    if state is TermState.NONE and term.free:
        return f"The shipment of {term.unit} was reported {term.failed}: no minimum equipment term began."
    waiver = WAIVERS[_cause(term, on, cause)].text if state is TermState.WAIVED else ""
    return REASONS[state].format(term=term, on=on, waiver=waiver)


def _warning(term: Term, state: TermState, on: date) -> str:
    """Equipment rules 3.6: a replacement on its way is warned of."""
    if (
        state in (TermState.NONE, TermState.ENDED)
        or not term.free
        or term.superseded_on is None
        or term.superseded_on <= on
    ):
        return ""
    return (
        f"Replacement {term.replaced_by} is on its way: from its receipt (by {term.superseded_on} as far as known) "
        f"it has a new term, and {term.unit} has none."
    )
