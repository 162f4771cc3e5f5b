"""What the end of an annual plan brings back, worked out once, when the last service of its order ends (ER 5, ToS 9.d).

Only a cancellation brings anything back: its notice decides. Nothing here commits; the account is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from fleet.domain.annual_plan import AnnualRefund, annual_refund
from fleet.domain.audit import AuditAction
from fleet.domain.billing_cycle import BillingCycle
from fleet.domain.cancellation import Cancellation
from fleet.domain.cancellation_scope import WHOLE_ACCOUNT, Scope
from fleet.domain.local_dates import local_date
from fleet.domain.order import Order, Plan
from fleet.domain.other_charges import annual_plan_refund
from fleet.domain.placement import Placement
from fleet.domain.references import Noun, refer
from fleet.services.lines import lines_of_placements
from fleet.services.settlement import Books
from fleet.store.cancellations import KeptCancellation
from fleet.store.orders import OrderRepository
from fleet.store.policy import PolicyRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class PlanEnd:
    """What the end of one order's plan comes to."""

    order: Order
    refund: AnnualRefund

    @property
    def reference(self) -> str:
        """The order's name."""
        return refer(Noun.ORDER, self.order.id)

    @property
    def line(self) -> str:
        """What people are told."""
        return f"The annual plan of {self.reference}: {self.refund.reason}"


def billing_cycle(
    uow: UnitOfWork, account_id: int, placements: Sequence[Placement], zone: tzinfo
) -> BillingCycle | None:
    """Billed by the plan of the first order from the account's first Activation on (ToS 10.a); None before it."""
    activated = _activated_on(placements, zone)
    plan = OrderRepository(uow).plan_of(account_id) or Plan.MONTHLY
    return None if activated is None else BillingCycle(activated, plan.months)


def plans_ended(
    uow: UnitOfWork, account_id: int, cancellation: Cancellation, placements: Sequence[Placement], zone: tzinfo
) -> list[PlanEnd]:
    """The plans of which `cancellation` ends the last service, for the facts known now."""
    policy, found = PolicyRepository(uow).book(), []
    noticed_on, ends_on = local_date(cancellation.notice.at, zone), cancellation.effect.on
    for order in OrderRepository(uow).unsettled_plans(account_id):
        if _ends_last(uow, order, cancellation.scope, placements):
            activated_on = _activated_on([p for p in placements if p.opened.order_id == order.id], zone)
            price = order.agreement.plan_price
            refund = annual_refund(price, order.order_date, activated_on, noticed_on, ends_on, policy)
            found.append(PlanEnd(order, refund))
    return found


def settle_plans(
    uow: UnitOfWork, kept: KeptCancellation, placements: Sequence[Placement], zone: tzinfo
) -> list[PlanEnd]:
    """Refund what the carried out cancellation brings back; billing is told where the rest falls due."""
    books, ended_on = Books.hold(uow, kept.account_id, zone), kept.cancellation.effect.on
    found = plans_ended(uow, kept.account_id, kept.cancellation, placements, zone)
    for plan in found:
        books.record(annual_plan_refund(plan.reference, plan.refund, ended_on, books.ledger))
        OrderRepository(uow).settle_plan(plan.order.id, ended_on)
        uow.audit(AuditAction.PLAN_SETTLE, plan.reference, ["plan_settled_on"], kept.account_id)
        if plan.refund.rest_falls_due:
            facts = _rest_facts(kept.account_id, plan, ended_on)
            uow.send("webhook", f"plan_rest_falls_due:{plan.reference}", facts)
    return found


def forgo_plans(
    uow: UnitOfWork, account_id: int, scope: Scope, placements: Sequence[Placement], ended_on: date
) -> list[str]:
    """In words, the plans that are over because `scope` ended without a notice: they bring nothing back."""
    over = [o for o in OrderRepository(uow).unsettled_plans(account_id) if _ends_last(uow, o, scope, placements)]
    for order in over:
        OrderRepository(uow).settle_plan(order.id, ended_on)
        uow.audit(AuditAction.PLAN_SETTLE, refer(Noun.ORDER, order.id), ["plan_settled_on"], account_id)
    return [f"The annual plan of {refer(Noun.ORDER, o.id)} ended without a notice: nothing is refunded." for o in over]


def _ends_last(uow: UnitOfWork, order: Order, scope: Scope, placements: Sequence[Placement]) -> bool:
    """Whether `scope` ends something of the order, and leaves nothing of it, sent or not."""
    if scope == WHOLE_ACCOUNT:
        return True
    lines, facts = lines_of_placements(placements), TermEventRepository(uow)
    own = [placement for placement in placements if placement.opened.order_id == order.id]
    ends = {p.id for p in own if all(scope.covers(line) for line in lines[str(p.id)])}
    left = [p for p in own if p.until is None and p.id not in ends and not facts.has_ended(p.id)]
    return bool(ends) and not left and order.is_shipped


def _activated_on(placements: Sequence[Placement], zone: tzinfo) -> date | None:
    activated = [placement.activated_at for placement in placements if placement.activated_at is not None]
    return local_date(min(activated), zone) if activated else None


def _rest_facts(account_id: int, plan: PlanEnd, ended_on: date) -> dict[str, str]:
    return {
        "event": "plan.rest_falls_due",
        "account": refer(Noun.ACCOUNT, account_id),
        "order": plan.reference,
        "date": ended_on.isoformat(),
        "rule": plan.refund.reason.rule,
        "reason": plan.refund.reason.text,
    }
