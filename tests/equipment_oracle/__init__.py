"""An oracle: what `equipment-rules.md` says about one Account, written from it alone, not from the fleet's code.

How a model-based test drives it (hypothesis `RuleBasedStateMachine`, or the seeded histories of `histories.py`):

    oracle = Oracle()                                  # one Account, nothing known
    for told in history(Random(seed), length=100):     # told.event, told.refused (a rule's sentence, or None)
        why = oracle.refusal(told.event)               # the oracle's verdict; equal to told.refused
        if why is None:
            oracle.tell(told.event)                    # dues up to known_at fall due first, then the event counts
            domain.apply(told.event)                   # must not raise
        else:
            with pytest.raises(...):                   # must refuse, and rows, audit and outbox stay as they were
                domain.apply(told.event)
            oracle.advance(told.event.known_at)        # time passes all the same
        domain.run_jobs(told.event.known_at)
        assert domain.charges() == oracle.charges()    # ChargeEvent: kind, rule, subject, cents, day, credited
        for day in some_days_from_today:
            assert domain.quote(day) == oracle.quote(day)      # QuoteLine: shipment, cents, why, replacement_on_its_way
        for shipment in known_shipments:
            domain.term(...) == oracle.term(shipment)          # Term(begins, ends, basis, superseded_on) or Why
            domain.receipt(...) == oracle.receipt(shipment)    # Reckoned(day, basis)
            domain.service_end(...) == oracle.service_end(shipment)    # End(instant, cause), may lie ahead
        for name in oracle.rma_names():                        # "cancellation:<shipment>" are the system's own
            domain.rma(...) == oracle.rma(name)                # decision, replacement, way_back, dates
        oracle.notice(name)          # effect, avoids_next_bill, standing
        oracle.service_state(), oracle.billing_dates(until), oracle.annual_refund_cents(order)
        oracle.reminders_due(day)
    oracle.advance(instant)          # let deadlines pass; replay(history, until) does the whole thing at once

Names inside a history (orders, shipments, RMAs, notices) are the history's own; the driver maps them to the domain's. A
placement is named by its shipment. Where domain and oracle differ, look at `READINGS` first: there the rules left a
choice, and each choice is one small function named after its sentence. Compare a charge's `rule` through a table.
"""

from tests.equipment_oracle.oracle import READINGS, Oracle, RefusedError, replay

__all__ = ["READINGS", "Oracle", "RefusedError", "replay"]
