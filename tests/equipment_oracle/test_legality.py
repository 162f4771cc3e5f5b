"""Which step is allowed in which state of an RMA, and what else the rules refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.telling import FREE, LEASED, Story, day

NOW = "2025-03-20"
STEPS: dict[str, tuple[type[ev.Event], dict[str, object]]] = {
    "approve": (ev.RmaApproved, {"rma": "r"}),
    "deny": (ev.RmaDenied, {"rma": "r"}),
    "cancel": (ev.RmaCancelled, {"rma": "r"}),
    "replace": (ev.UnitShipped, {"shipment": "Z", "serial": "Z", "rma": "r"}),
    "repair": (ev.UnitShipped, {"shipment": "Z", "serial": "A", "rma": "r", "repaired": True}),
    "scan": (ev.ReturnScanned, {"rma": "r"}),
    "receive": (ev.ReturnReceived, {"serial": "A", "rma": "r"}),
    "blind": (ev.ReturnReceived, {"serial": "A"}),
    "match": (ev.BlindMatched, {"serial": "A", "rma": "r"}),
    "quarantine": (ev.Quarantined, {"rma": "r"}),
    "inspect": (ev.Inspected, {"rma": "r", "finding": ev.Finding.DEFECT}),
    "close": (ev.RmaClosed, {"rma": "r"}),
    "open": (ev.RmaOpened, {"rma": "r2", "serial": "A", "kind": ev.Kind.DEFECT}),
}


def unit(line: ev.OrderLine = FREE) -> Story:
    return Story().order("2025-01-10", line).ship("2025-01-10").activate("2025-01-20")


def asked(mode: ev.Mode) -> Story:
    return unit().tell(ev.RmaOpened, "2025-03-01", rma="r", serial="A", kind=ev.Kind.DEFECT, mode=mode)


def approved(mode: ev.Mode = ev.Mode.ON_RECEIPT) -> Story:
    return asked(mode).tell(ev.RmaApproved, "2025-03-02", rma="r")


def advance() -> Story:
    return approved(ev.Mode.ADVANCE)


def received() -> Story:
    return approved().scan("2025-03-04").receive("2025-03-06")


def found(finding: ev.Finding) -> Story:
    return received().inspect("2025-03-07", finding)


def blind() -> Story:
    return unit().receive("2025-02-20", rma="").rma("2025-03-01", mode=ev.Mode.ON_RECEIPT)


STATES: dict[str, tuple[Callable[[], Story], set[str]]] = {
    "none": (unit, {"blind", "open"}),
    "requested": (lambda: asked(ev.Mode.ADVANCE), {"approve", "deny", "cancel", "blind"}),
    "denied": (lambda: asked(ev.Mode.ADVANCE).tell(ev.RmaDenied, "2025-03-02", rma="r"), {"blind", "open"}),
    "cancelled": (lambda: approved().tell(ev.RmaCancelled, "2025-03-03", rma="r"), {"blind", "open"}),
    "approved on receipt": (approved, {"cancel", "scan", "receive"}),
    "approved in advance": (advance, {"cancel", "replace", "scan", "receive"}),
    "replaced in advance": (lambda: advance().replace("2025-03-03", "B"), {"scan", "receive"}),
    "in transit": (lambda: approved().scan("2025-03-04"), {"receive"}),
    "received": (received, {"replace", "quarantine", "inspect"}),
    "in quarantine": (lambda: received().tell(ev.Quarantined, "2025-03-07", rma="r"), {"replace", "inspect"}),
    "found defect": (lambda: found(ev.Finding.DEFECT), {"replace", "repair", "close"}),
    "found damaged": (lambda: found(ev.Finding.DAMAGED), {"close"}),
    "closed": (lambda: found(ev.Finding.SOUND).tell(ev.RmaClosed, "2025-03-08", rma="r"), set()),
    "blind": (blind, {"match"}),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", STATES)
def test_each_step_is_allowed_in_its_states_only(state: str, step: str):
    story, allowed = STATES[state][0](), STATES[state][1]
    kind, fields = STEPS[step]
    before = (story.oracle.facts, story.oracle.charges())
    why = story.refuses(kind, NOW, **fields)
    assert (why is None) == (step in allowed), why
    assert (story.oracle.facts, story.oracle.charges()) == before


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (ev.UnitShipped, {"shipment": "A", "serial": "Z", "order": "o1", "line": "1"}),
        (ev.UnitShipped, {"shipment": "Z", "serial": "A", "order": "o1", "line": "1"}),
        (ev.UnitShipped, {"shipment": "Z", "serial": "Z", "order": "o1", "line": "1"}),
        (ev.UnitShipped, {"shipment": "Z", "serial": "Z", "order": "o1", "line": "9"}),
        (ev.Registered, {"serial": "Z", "place": ev.Place.ACCOUNT}),
        (ev.Activated, {"serial": "Z"}),
        (ev.Delivered, {"shipment": "Z"}),
        (ev.CarrierFailed, {"shipment": "A", "outcome": ev.CarrierOutcome.LOST}),  # it was activated
        (ev.RmaOpened, {"rma": "r", "serial": "A", "kind": ev.Kind.CANCELLATION_RETURN}),
        (ev.CancellationWithdrawn, {}),
        (ev.CancellationAsked, {"notice": "n", "channel": ev.Channel.DISTRIBUTOR, "serials": ("Z",)}),
        (ev.Reactivated, {"paid_in_full": True, "reconnect_fee_paid": True}),
        (ev.LastLineRemoved, {"serial": "Z"}),
        (ev.PolicySet, {"policy": ev.Policy.RETURN_DAYS, "value": 3, "effective": day("2025-03-19")}),
        (ev.PolicySet, {"policy": ev.Policy.RETURN_DAYS, "value": -1, "effective": day("2025-03-21")}),
        (ev.OrderAccepted, {"order": "o1", "plan": ev.Plan.MONTHLY, "plan_price_cents": 0, "lines": (FREE,)}),
    ],
)
def test_what_cannot_be_is_refused(kind: type[ev.Event], fields: dict[str, object]):
    assert unit().refuses(kind, NOW, **fields) is not None


def test_an_act_is_known_at_once_and_evidence_after_it_happened():
    assert unit().refuses(ev.LastLineRemoved, "2025-03-19", known=NOW, serial="A") is not None
    assert unit().refuses(ev.Activated, "2025-03-19", known=NOW, serial="A") is None
    assert unit().refuses(ev.Activated, NOW, known="2025-03-19", serial="A") is not None


def test_evidence_from_before_the_shipment_or_after_the_return_is_refused():
    assert unit().refuses(ev.Delivered, "2025-01-09", known=NOW, shipment="A") is not None
    assert received().refuses(ev.Activated, "2025-03-07", known=NOW, serial="A") is not None
    assert received().refuses(ev.Activated, "2025-03-05", known=NOW, serial="A") is None


def test_after_the_end_nothing_is_served_but_returns_go_on():
    story = unit(LEASED).tell(ev.Terminated, "2025-03-04", breach=None)
    for kind in (ev.LastLineRemoved, ev.RmaOpened, ev.CancellationAsked, ev.Suspended):
        fields: dict[type[ev.Event], dict[str, object]] = {
            ev.LastLineRemoved: {"serial": "A"},
            ev.RmaOpened: {"rma": "r", "serial": "A", "kind": ev.Kind.DEFECT},
            ev.CancellationAsked: {"notice": "n", "channel": ev.Channel.DISTRIBUTOR},
            ev.Suspended: {"why": ev.Suspension.LAW},
        }
        assert story.refuses(kind, NOW, **fields[kind]) is not None
    assert story.refuses(ev.RmaCancelled, NOW, rma="cancellation:A") is not None
    assert story.refuses(ev.ReturnReceived, NOW, serial="A", rma="cancellation:A") is None


def test_a_unit_goes_to_one_place_at_a_time_and_again_after_it_came_back():
    other = ev.OrderLine(line="2", ownership=ev.Ownership.PROVIDED)
    story = Story().order("2025-01-10", FREE, other).ship("2025-01-10")
    again = {"shipment": "A2", "serial": "A", "order": "o1", "line": "2"}
    assert story.refuses(ev.UnitShipped, "2025-02-01", **again) is not None
    story.rma("2025-02-01", mode=ev.Mode.ON_RECEIPT).receive("2025-02-05")
    assert story.refuses(ev.UnitShipped, "2025-02-06", **again) is None


def test_a_blind_return_is_not_sent_on_before_it_is_matched():
    other = ev.OrderLine(line="2", ownership=ev.Ownership.PROVIDED)
    story = Story().order("2025-01-10", FREE, other).ship("2025-01-10").receive("2025-02-05", rma="")
    again = {"shipment": "A2", "serial": "A", "order": "o1", "line": "2"}
    assert story.refuses(ev.UnitShipped, "2025-02-06", **again) is not None
    story.rma("2025-02-07", mode=ev.Mode.ON_RECEIPT).tell(ev.BlindMatched, "2025-02-08", serial="A", rma="r")
    assert story.refuses(ev.UnitShipped, "2025-02-09", **again) is None


def test_a_lost_unit_is_never_sent_again():
    story = Story().order("2025-01-10").ship("2025-01-10")
    again = {"shipment": "A2", "serial": "A", "order": "o1", "line": "1"}
    for outcome in ev.CarrierOutcome:
        told = Story().order("2025-01-10").ship("2025-01-10")
        told.tell(ev.CarrierFailed, "2025-01-12", shipment="A", outcome=outcome)
        assert (told.refuses(ev.UnitShipped, "2025-01-13", **again) is None) == (outcome is not ev.CarrierOutcome.LOST)
    assert story.oracle.charges() == ()
