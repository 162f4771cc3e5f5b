"""When a cancellation takes effect, which bill it avoids, and the state of the service: section 5."""

import pytest

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.calendar import local_date
from tests.equipment_oracle.endings import ServiceState
from tests.equipment_oracle.telling import FREE, Story, day, local


def unit(activated: str = "2025-01-20", plan: ev.Plan = ev.Plan.MONTHLY) -> Story:
    story = Story().order("2025-01-10", plan=plan).ship("2025-01-10")
    return story.activate(activated) if activated else story


def effect_of(notice: str, asked_for: str = "", activated: str = "2025-01-20") -> str:
    found = unit(activated).cancel(notice, asked_for).oracle.notice("n").effect
    assert found == local(f"{local_date(found)}T00:00")
    return str(local_date(found))


@pytest.mark.parametrize(
    ("notice", "asked_for", "expected"),
    [
        ("2025-03-24T00:00", "", "2025-03-27"),
        ("2025-03-24T00:01", "", "2025-03-28"),
        ("2025-03-24T12:00", "2025-03-20", "2025-03-28"),
        ("2025-03-24T12:00", "2025-03-28", "2025-03-28"),
        ("2025-03-24T12:00", "2025-03-29", "2025-03-29"),
        ("2025-03-07T00:00", "", "2025-03-11"),  # one night has an hour less
        ("2025-10-31T01:00", "", "2025-11-03"),  # one night has an hour more
    ],
)
def test_a_notice_takes_effect_at_midnight_72_hours_on(notice: str, asked_for: str, expected: str):
    assert effect_of(notice, asked_for) == expected


@pytest.mark.parametrize(
    ("notice", "avoided", "expected"),
    [
        ("2025-05-15T19:00", True, "2025-05-19"),  # Thursday: Thursday, Friday, Monday before Tuesday the 20th
        ("2025-05-16T00:00", False, "2025-06-20"),  # Friday and Monday only
        ("2025-06-16T12:00", True, "2025-06-20"),  # Monday to Wednesday; Thursday the 19th is a holiday
        ("2025-06-17T00:00", False, "2025-07-20"),
        ("2025-06-20T00:00", True, "2025-06-23"),  # on the billing date: for the next one
    ],
)
def test_3_business_days_before_the_billing_date_avoid_the_next_bill(notice: str, avoided: bool, expected: str):
    story = unit().cancel(notice)
    assert story.oracle.notice("n").avoids_next_bill is avoided
    assert str(local_date(story.oracle.notice("n").effect)) == expected


def test_the_72_hours_may_reach_past_the_bill_that_is_avoided():
    story = unit("2025-01-16").cancel("2025-04-11T23:00")  # Friday, Monday, Tuesday before Wednesday the 16th
    assert story.oracle.notice("n").avoids_next_bill is True
    assert effect_of("2025-04-11T23:00", activated="2025-01-16") == "2025-04-15"
    lead = {"policy": ev.Policy.CANCELLATION_LEAD_HOURS, "value": 144, "effective": day("2025-02-01")}
    longer = unit("2025-01-16").tell(ev.PolicySet, "2025-01-20", **lead).cancel("2025-04-11T23:00").oracle.notice("n")
    assert (longer.avoids_next_bill, longer.effect) == (True, local("2025-04-18T00:00"))


def test_a_late_notice_that_asks_for_a_later_date_gets_it():
    assert effect_of("2025-05-16T00:00", "2025-07-01") == "2025-07-01"


def test_a_timely_notice_for_a_date_after_the_bill_does_not_avoid_it():
    assert unit().cancel("2025-05-12", "2025-05-21").oracle.notice("n").avoids_next_bill is False
    assert unit().cancel("2025-05-12", "2025-05-20").oracle.notice("n").avoids_next_bill is True


def test_before_activation_there_is_no_bill_to_avoid():
    story = unit("").cancel("2025-01-12")
    assert story.oracle.notice("n").avoids_next_bill is None
    assert story.oracle.notice("n").effect == local("2025-01-16T00:00")


def test_an_annual_plan_renews_for_a_year():
    story = unit(plan=ev.Plan.ANNUAL).cancel("2026-01-19")
    assert story.oracle.notice("n").effect == local("2027-01-20T00:00")


def test_a_billing_day_that_a_month_misses_is_its_last_and_returns():
    story = unit("2025-01-31")
    assert [str(found) for found in story.oracle.billing_dates(day("2025-05-01"))] == [
        "2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("when", "allowed"),
    [
        ("2025-03-09T05:59:59", False),
        ("2025-03-09T06:00", True),
        ("2025-03-09T19:59:59", True),
        ("2025-03-09T20:00", False),
    ],
)
def test_by_phone_the_call_begins_between_6_and_20_local_any_day(when: str, allowed: bool):
    story = unit()
    assert (story.refuses(ev.CancellationAsked, when, notice="n", channel=ev.Channel.PHONE) is None) == allowed
    assert story.refuses(ev.CancellationAsked, when, notice="n", channel=ev.Channel.DISTRIBUTOR) is None


def test_a_notice_is_withdrawn_before_its_effect_only():
    story = unit().cancel("2025-03-24T00:00").wait("2025-03-26T23:59:59")
    assert story.refuses(ev.CancellationWithdrawn, "2025-03-26T23:59:59") is None
    assert story.refuses(ev.CancellationWithdrawn, "2025-03-27T00:00") is not None
    story.tell(ev.CancellationWithdrawn, "2025-03-26T23:59:59").wait("2025-06-01")
    assert story.oracle.service_end("A") is None
    assert story.money() == []


def test_a_second_notice_replaces_the_first():
    story = unit().cancel("2025-03-24").cancel("2025-03-25", "2025-04-10", name="m")
    assert [story.oracle.notice(name).standing for name in ("n", "m")] == [False, True]
    assert story.oracle.service_end("A").instant == local("2025-04-10T00:00")  # type: ignore[union-attr]


def test_at_its_effect_a_notice_is_no_longer_replaced():
    lines = [FREE, ev.OrderLine(line="2", ownership=ev.Ownership.PROVIDED)]
    story = Story().order("2025-01-10", *lines).ship("2025-01-10").ship("2025-01-11", "C", "2")
    story.cancel("2025-03-24T00:00", serials=("A",)).cancel("2025-03-27T00:00", name="m", serials=("C",))
    assert [story.oracle.notice(name).standing for name in ("n", "m")] == [True, True]


def test_the_first_activation_of_the_account_sets_the_billing_day():
    lines = [FREE, ev.OrderLine(line="2", ownership=ev.Ownership.PROVIDED)]
    story = Story().order("2025-01-10", *lines).ship("2025-01-10").ship("2025-01-11", "C", "2")
    story.activate("2025-01-20").activate("2025-01-25", "C")
    assert story.oracle.billing_dates(day("2025-02-28")) == [day("2025-01-20"), day("2025-02-20")]


def test_part_of_the_services_may_be_cancelled_alone_and_follows_the_swap():
    lines = [FREE, ev.OrderLine(line="2", ownership=ev.Ownership.PROVIDED)]
    story = Story().order("2025-01-10", *lines).ship("2025-01-10").ship("2025-01-11", "C", "2").activate("2025-01-20")
    story.cancel("2025-03-24", "2025-04-10", serials=("A",)).rma("2025-03-25").replace("2025-03-26", "B")
    story.deliver("2025-03-28", "B").wait("2025-04-10")
    assert [line[1] for line in story.money() if "fee" in line[0]] == ["B"]
    assert story.oracle.service_end("C") is None
    assert story.oracle.service_state() is ServiceState.ACTIVE


def test_the_effect_is_decided_when_the_notice_comes():
    story = unit("").cancel("2025-02-17")
    before = story.oracle.notice("n").effect
    assert story.activate("2025-01-20", known="2025-02-19").oracle.notice("n").effect == before


def test_service_begins_30_days_after_the_order_or_with_activation():
    story = unit("")
    assert story.wait("2025-02-08T23:59").oracle.service_state() is ServiceState.NONE
    assert story.wait("2025-02-09T00:00").oracle.service_state() is ServiceState.ACTIVE
    assert unit().oracle.service_state() is ServiceState.ACTIVE


def test_a_suspension_keeps_the_term_clock_and_ends_after_full_payment_and_the_fee():
    story = unit().tell(ev.Suspended, "2025-03-01", why=ev.Suspension.SECURITY)
    term = story.term()
    assert story.oracle.service_state() is ServiceState.SUSPENDED
    for paid, fee in ((False, True), (True, False)):
        fields = {"paid_in_full": paid, "reconnect_fee_paid": fee}
        assert story.refuses(ev.Reactivated, "2025-03-05", **fields) is not None
    story.tell(ev.Reactivated, "2025-03-05", paid_in_full=True, reconnect_fee_paid=True)
    assert (story.oracle.service_state(), story.term()) == (ServiceState.ACTIVE, term)


@pytest.mark.parametrize(
    ("breach", "last"),
    [(ev.Breach.UNPAID, "2025-05-30"), (ev.Breach.OTHER, "2025-06-21")],  # Memorial Day lies between
)
def test_the_account_has_the_whole_of_the_last_day(breach: ev.Breach, last: str):
    story = unit().tell(ev.BreachNoticed, "2025-05-22", breach=breach)
    after = str(local_date(local(f"{last}T23:59")).replace(day=int(last[-2:]) + 1))
    assert story.refuses(ev.Terminated, f"{last}T23:59:59", breach=breach) is not None
    assert story.refuses(ev.Terminated, f"{after}T00:00", breach=breach) is None


def test_a_breach_needs_written_notice_and_full_payment_clears_it():
    story = unit()
    assert story.refuses(ev.Terminated, "2025-06-01", breach=ev.Breach.UNPAID) is not None
    story.warn_unpaid("2025-03-03").tell(ev.Suspended, "2025-03-04", why=ev.Suspension.NON_PAYMENT)
    story.tell(ev.Reactivated, "2025-03-05", paid_in_full=True, reconnect_fee_paid=True)
    assert story.refuses(ev.Terminated, "2025-06-01", breach=ev.Breach.UNPAID) is not None
