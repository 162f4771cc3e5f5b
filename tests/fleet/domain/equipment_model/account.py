"""One account in memory: tell it an event of a history, and it does with the domain what the services do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.equipment_oracle import events as ev
from tests.fleet.domain.equipment_model import endings, returns, shipping
from tests.fleet.domain.equipment_model.settling import expire, run_jobs, settle
from tests.fleet.domain.equipment_model.state import State

ACTS: dict[type[ev.Event], Callable[[State, Any], None]] = {
    ev.PolicySet: shipping.set_policy,
    ev.OrderAccepted: shipping.accept_order,
    ev.UnitShipped: shipping.ship,
    ev.Delivered: shipping.delivered,
    ev.CarrierFailed: shipping.failed,
    ev.Registered: shipping.registered,
    ev.Activated: shipping.activated,
    ev.RmaOpened: returns.open_rma,
    ev.RmaApproved: returns.approve,
    ev.RmaDenied: returns.deny,
    ev.RmaCancelled: returns.cancel,
    ev.ReturnScanned: returns.scan,
    ev.ReturnReceived: returns.receive,
    ev.BlindMatched: returns.match,
    ev.Quarantined: returns.hold,
    ev.Inspected: returns.inspect,
    ev.RmaClosed: returns.close,
    ev.CancellationAsked: endings.ask,
    ev.CancellationWithdrawn: endings.take_back,
    ev.WaiverClaimed: endings.claim_waiver,
    ev.LastLineRemoved: endings.remove_last_line,
    ev.Suspended: endings.suspend_account,
    ev.Reactivated: endings.reactivate,
    ev.BreachNoticed: endings.notice_breach,
    ev.Terminated: endings.terminate_account,
    ev.PortedOut: endings.port_out,
}


@dataclass(slots=True)
class Account:
    """`state` is all it knows. A refused event raises a FleetError and leaves it as it was."""

    state: State = field(default_factory=lambda: State(datetime.min.replace(tzinfo=UTC)))

    def tell(self, event: ev.Event) -> None:
        """One transaction; what falls due until the event is known has fallen due before (`wait`)."""
        ACTS[type(event)](self.state, event)
        settle(self.state)
        expire(self.state)

    def wait(self, until: datetime) -> None:
        """Time passes, and the jobs run."""
        run_jobs(self.state, until)
