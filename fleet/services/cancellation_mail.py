"""What an Administrator is told of a cancellation in writing: its request, withdrawal and completion (ER 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fleet.domain.charge import ChargeEvent
from fleet.domain.money import ZERO
from fleet.domain.quote import QuoteLine
from fleet.domain.references import Noun, refer
from fleet.domain.waiver import WAIVERS
from fleet.services.letters import letter_text, send_letter, write_to_administrators
from fleet.store.cancellations import KeptCancellation
from fleet.store.people import PeopleRepository
from fleet.store.unit_of_work import UnitOfWork


def send_confirmation(
    uow: UnitOfWork,
    kept: KeptCancellation,
    charges: Sequence[ChargeEvent] = (),
    plans: Sequence[str] = (),
    replaced: Sequence[str] = (),
) -> None:
    """Queue the confirmation of the present state, if it has one; once for each state of each cancellation.

    `plans`: what it means for each annual plan, in words. `replaced`: those that a request takes the place of.
    """
    cancellation = kept.cancellation
    if cancellation.confirmation is None:
        return
    name, effect = refer(Noun.CANCELLATION, cancellation.id), cancellation.effect
    match cancellation.confirmation:
        case "cancellation_request":
            lines = [f"your cancellation {name} is received. Service ends on {effect.on} at 0:00.", str(effect.reason)]
            lines += ["It may be withdrawn before that day."]
            lines += [f"It replaces {', '.join(replaced)} whole: nothing ends by that any more."] if replaced else []
            lines += ["", *_quoted(kept.quote), *plans]
            subject = f"Your cancellation {name}"
        case "cancellation_withdrawal":
            lines = [f"your cancellation {name} is withdrawn: service goes on."]
            subject = f"Your cancellation {name} is withdrawn"
        case _:
            lines = [f"service ended on {effect.on}, as asked for by {name}.", "", *charged(charges), *plans]
            subject = f"Your cancellation {name} is complete"
    _send(uow, f"{cancellation.confirmation}:{name}", kept, subject, lines)


def send_requote(uow: UnitOfWork, kept: KeptCancellation) -> None:
    """Queue the new quote of a pending cancellation (ER 3.6)."""
    name = refer(Noun.CANCELLATION, kept.cancellation.id)
    lines = [f"what your cancellation {name} would cost has changed.", "", *_quoted(kept.quote)]
    _send(uow, f"cancellation_requote:{name}:{kept.told}", kept, f"A new quote for your cancellation {name}", lines)


def send_waiver(uow: UnitOfWork, kept: KeptCancellation) -> None:
    """Queue what a claimed waiver changes: no fee for any unit of the cancellation (ER 3.4)."""
    name = refer(Noun.CANCELLATION, kept.cancellation.id)
    lines = [f"this is about your cancellation {name}.", str(WAIVERS[kept.cause])]
    lines += ["No reimbursement fee is due for it; one that was charged is credited."]
    _send(uow, f"cancellation_waiver:{name}", kept, f"No fee for your cancellation {name}", lines)


def _quoted(quote: Sequence[QuoteLine]) -> Iterable[str]:
    for line in quote:
        yield f"- {line.unit}: {line.fee}. {line.reason} {line.warning}".rstrip()
    yield f"In all {sum((line.fee for line in quote), ZERO)} for the equipment, for the facts known today."


def charged(charges: Sequence[ChargeEvent]) -> Iterable[str]:
    """What the end of service cost, in lines."""
    for event in charges:
        yield f"- {event.amount} for {dict(event.inputs).get('unit', event.subject)}: {event.reason}"
    if not charges:
        yield "Nothing is charged for the equipment."


def _send(uow: UnitOfWork, key: str, kept: KeptCancellation, subject: str, lines: Iterable[str]) -> None:
    """To the Administrator who asked; if that one has gone since, to those there are, and to nobody else."""
    lines, asked_by = list(lines), kept.cancellation.notice.administrator
    present = PeopleRepository(uow).administrators_of(kept.account_id)
    asked = next((person for person in present if person.reference == asked_by), None)
    if asked is None:
        write_to_administrators(uow, kept.account_id, key, subject, lines)
    else:
        send_letter(uow, asked, key, subject, letter_text(lines))
