"""The three tracks of an RMA, its deadlines and its reminders: section 4."""

import pytest

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.returns import Dates, Decision, Replacement, Return
from tests.equipment_oracle.telling import BOUGHT, FREE, LEASED, Story, day


def unit(line: ev.OrderLine = FREE) -> Story:
    return Story().order("2025-01-10", line).ship("2025-01-10").activate("2025-01-20")


def tracks(story: Story, name: str = "r") -> tuple[Decision, Replacement, Return]:
    found = story.oracle.rma(name)
    return found.decision, found.replacement, found.way_back


def test_an_advance_replacement_walks_its_tracks():
    story = unit().tell(ev.RmaOpened, "2025-03-01", rma="r", serial="A", kind=ev.Kind.DEFECT, mode=ev.Mode.ADVANCE)
    seen = [tracks(story)]
    story.tell(ev.RmaApproved, "2025-03-02", rma="r").replace("2025-03-03", "B")
    seen.append(tracks(story))
    seen.append(tracks(story.deliver("2025-03-05", "B").scan("2025-03-06")))
    seen.append(tracks(story.receive("2025-03-08")))
    seen.append(tracks(story.tell(ev.Quarantined, "2025-03-09", rma="r").inspect("2025-03-09")))
    seen.append(tracks(story.tell(ev.RmaClosed, "2025-03-10", rma="r")))
    assert seen == [
        (Decision.REQUESTED, Replacement.NONE, Return.NONE),
        (Decision.APPROVED, Replacement.SHIPPED, Return.AWAITED),
        (Decision.APPROVED, Replacement.DELIVERED, Return.IN_TRANSIT),
        (Decision.APPROVED, Replacement.DELIVERED, Return.RECEIVED),
        (Decision.APPROVED, Replacement.DELIVERED, Return.INSPECTED),
        (Decision.APPROVED, Replacement.DELIVERED, Return.CLOSED),
    ]


def test_a_return_is_overdue_from_the_first_instant_after_the_deadline():
    story = unit().rma("2025-03-01").replace("2025-03-02", "B")
    assert tracks(story.wait("2025-03-11T23:59:59"))[2] is Return.AWAITED
    assert tracks(story.wait("2025-03-12T00:00"))[2] is Return.OVERDUE


def test_the_deadline_counts_from_the_approval_not_from_the_request():
    story = unit().tell(ev.RmaOpened, "2025-02-20", rma="r", serial="A", kind=ev.Kind.DEFECT, mode=ev.Mode.ADVANCE)
    story.tell(ev.RmaApproved, "2025-03-01T23:59", rma="r")
    assert story.oracle.rma("r").dates == Dates(day("2025-03-11"), day("2025-03-08"), day("2025-03-16"))


@pytest.mark.parametrize(("date", "names"), [("2025-03-07", []), ("2025-03-08", ["r"]), ("2025-03-09", [])])
def test_the_reminder_goes_out_3_days_before(date: str, names: list[str]):
    assert unit().rma("2025-03-01").oracle.reminders_due(day(date)) == names


def test_no_reminder_for_what_is_on_its_way():
    assert unit().rma("2025-03-01").scan("2025-03-05").oracle.reminders_due(day("2025-03-08")) == []


def test_a_defect_on_receipt_has_no_deadline():
    story = unit(LEASED).rma("2025-03-01", mode=ev.Mode.ON_RECEIPT)
    assert story.oracle.rma("r").dates == Dates(None, None, None)


def test_a_trial_return_is_due_14_days_after_the_notice():
    story = unit(BOUGHT).rma("2025-02-03", kind=ev.Kind.TRIAL_RETURN, mode=ev.Mode.ON_RECEIPT)
    assert story.oracle.rma("r").dates.deadline is None
    assert story.cancel("2025-02-05").oracle.rma("r").dates.deadline == day("2025-02-19")


@pytest.mark.parametrize(("opened", "allowed"), [("2025-02-09T23:59", True), ("2025-02-10T00:00", False)])
def test_a_trial_return_is_opened_by_order_date_and_30(opened: str, allowed: bool):
    why = unit().refuses(ev.RmaOpened, opened, rma="r", serial="A", kind=ev.Kind.TRIAL_RETURN)
    assert (why is None) == allowed


def test_the_system_opens_the_return_of_a_leased_unit_on_the_day_service_ends():
    story = unit(LEASED).cancel("2025-03-04").wait("2025-03-07T23:59:59")
    assert story.oracle.rma_names() == []
    story.wait("2025-03-08T00:00")
    assert tracks(story, "cancellation:A") == (Decision.APPROVED, Replacement.NONE, Return.AWAITED)
    assert story.oracle.rma("cancellation:A").dates.deadline == day("2025-03-18")


def test_the_system_opens_none_for_other_units_or_one_that_is_back():
    assert unit().remove_line("2025-03-04").oracle.rma_names() == []
    back = unit(LEASED).rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).receive("2025-03-04").remove_line("2025-03-05")
    assert back.oracle.rma_names() == ["r"]


def test_a_leased_unit_received_at_the_very_instant_of_the_end_is_back():
    story = unit(LEASED).rma("2025-03-01", mode=ev.Mode.ON_RECEIPT).receive("2025-03-04").remove_line("2025-03-04")
    assert story.oracle.rma_names() == ["r"]


def test_a_blind_return_waits_in_quarantine_until_it_is_matched():
    story = unit().receive("2025-03-03", rma="").rma("2025-03-04", mode=ev.Mode.ON_RECEIPT)
    assert tracks(story)[2] is Return.IN_QUARANTINE
    assert story.refuses(ev.Inspected, "2025-03-05", rma="r", finding=ev.Finding.SOUND) is not None
    story.tell(ev.BlindMatched, "2025-03-05", serial="A", rma="r")
    assert tracks(story.inspect("2025-03-06"))[2] is Return.INSPECTED


def test_a_replacement_that_got_lost_may_be_sent_again():
    story = unit().rma("2025-03-01").replace("2025-03-02", "B")
    again = {"shipment": "C", "serial": "C", "rma": "r"}
    assert story.refuses(ev.UnitShipped, "2025-03-03", **again) is not None
    story.tell(ev.CarrierFailed, "2025-03-04", shipment="B", outcome=ev.CarrierOutcome.LOST)
    assert tracks(story)[1] is Replacement.LOST
    assert story.refuses(ev.UnitShipped, "2025-03-04", **again) is None
