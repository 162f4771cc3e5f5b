"""Words: Activation, the Term of a service, Business Days, Administrators (ER 1)."""

from datetime import UTC, datetime

from fleet.domain.access import Role
from fleet.domain.activation import Change, Condition, activated_at, service_term_begins
from fleet.domain.business_days import CalendarError
from fleet.domain.errors import ConflictError
from fleet.domain.federal_reserve import federal_reserve_calendar
from fleet.domain.local_dates import local_date
from fleet.domain.money import Money
from fleet.domain.order import usual_ownership
from fleet.domain.ownership import Ownership
from fleet.domain.people import Person, PersonState, check_not_last
from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from tests.equipment_oracle.calendar import OPERATOR_ZONE, is_business_day
from tests.fleet.domain.worked_cases.case import REFUSED, Case, on, refused

CALENDAR = federal_reserve_calendar(2023, 2030)
ONLINE, REGISTERED, SERVICE = Condition.ON_INTERNET, Condition.REGISTERED, Condition.SERVICE_AVAILABLE
MIDNIGHT_UTC = datetime(2025, 1, 20, tzinfo=UTC)


def activation(*changes: tuple[int, Condition, bool]) -> str:
    """The hour of 2025-01-20 (UTC) at which a unit is activated, by what began or ended at which hour."""
    found = activated_at(Change(MIDNIGHT_UTC.replace(hour=hour), what, holds) for hour, what, holds in changes)
    return "never" if found is None else f"{found:%H:%M}"


def open_bank(day: str) -> bool:
    """Whether banks are open, by domain and oracle."""
    found = CALENDAR.is_business_day(on(day))
    assert found is is_business_day(on(day))
    return found


def term_from(activated: str, ordered: str) -> str:
    return str(service_term_begins(on(activated) if activated else None, on(ordered), PolicyBook()))


def without(role: Role, others: int) -> str:
    """Whether a person may go, with so many others of their kind."""
    account = 1 if role is Role.ACCOUNT_ADMINISTRATOR else None
    person = Person(1, "P", "p@example.test", frozenset({role}), PersonState.ACTIVE, account, 1, MIDNIGHT_UTC)
    return refused(lambda: check_not_last(person, others), ConflictError)


def owner(price: int, credit: int = 0) -> Ownership:
    return usual_ownership(Money(price), Money(credit))


CASES = [
    # --- Activation and the Term of a service -----------------------------------------------------------------------
    Case("1", "On the internet at 9, registered at 10, service available at 11: activated at 11.",
         lambda: activation((9, ONLINE, True), (10, REGISTERED, True), (11, SERVICE, True)), "11:00"),
    Case("1", "Service is available first: activated when the unit registers.",
         lambda: activation((8, SERVICE, True), (9, ONLINE, True), (10, REGISTERED, True)), "10:00"),
    Case("1", "It was on the internet and registered, but not any more when service became available.",
         lambda: activation((8, ONLINE, True), (9, REGISTERED, True), (10, ONLINE, False), (11, SERVICE, True)),
         "never"),
    Case("1", "It comes back to the internet: then the three hold together for the first time.",
         lambda: activation((8, ONLINE, True), (9, REGISTERED, True), (10, ONLINE, False), (11, SERVICE, True),
                            (12, ONLINE, True)), "12:00"),
    Case("1", "Activation is the first such instant: going offline and coming back changes nothing.",
         lambda: activation((8, ONLINE, True), (8, REGISTERED, True), (9, SERVICE, True), (10, ONLINE, False),
                            (12, ONLINE, True)), "09:00"),
    Case("1", "The registration becomes known after the rest: the same instant.",
         lambda: activation((9, ONLINE, True), (11, SERVICE, True), (10, REGISTERED, True)), "11:00"),
    Case("1", "Activated at 04:30 UTC on 21 January: in New York it is still the 20th.",
         lambda: str(local_date(datetime(2025, 1, 21, 4, 30, tzinfo=UTC), OPERATOR_ZONE)), "2025-01-20"),
    Case("1", "In summer New York is four hours behind: 04:30 UTC on 1 July is 1 July there.",
         lambda: str(local_date(datetime(2025, 7, 1, 4, 30, tzinfo=UTC), OPERATOR_ZONE)), "2025-07-01"),
    Case("1", "Never activated, ordered 2025-01-10: the Term of the service starts 30 days later.",
         lambda: term_from("", "2025-01-10"), "2025-02-09"),
    Case("1", "Ordered 2025-01-10, activated the next day: the Term starts with Activation.",
         lambda: term_from("2025-01-11", "2025-01-10"), "2025-01-11"),
    Case("1", "Activated after the 30 days: they came first.", lambda: term_from("2025-06-01", "2025-01-10"),
         "2025-02-09"),
    Case("1", "The 30 days across leap day.", lambda: term_from("", "2024-02-01"), "2024-03-02"),
    Case("1", "20 days instead of 30 from 2025-02-01 on, ordered the day before: 30.",
         lambda: str(service_term_begins(None, on("2025-01-31"), PolicyBook(
             (PolicyValue(PolicyName.START_WITHOUT_ACTIVATION_DAYS, on("2025-02-01"), 20),)))), "2025-03-02"),
    # --- Whose a unit is --------------------------------------------------------------------------------------------
    Case("1", "A unit with a price is bought: Customer Equipment.", lambda: owner(3995), Ownership.CUSTOMER),
    Case("1", "A unit whose price is credited in full is provided by the operator.", lambda: owner(3995, 3995),
         Ownership.OPERATOR),
    Case("1", "A leased unit is the operator's, with a duty to return it.",
         lambda: (Ownership.LEASED.is_operators, Ownership.LEASED.returns_at_end), (True, True)),
    # --- Business Days ----------------------------------------------------------------------------------------------
    Case("1", "New Year's Day 2023 is a Sunday: observed on Monday.",
         lambda: [open_bank(day) for day in ("2023-01-02", "2023-01-03")], [False, True]),
    Case("1", "Independence Day 2026 is a Saturday: not moved, the banks are open on Friday and on Monday.",
         lambda: [open_bank(day) for day in ("2026-07-03", "2026-07-04", "2026-07-06")], [True, False, True]),
    Case("1", "Independence Day 2027 is a Sunday: observed on Monday.",
         lambda: [open_bank(day) for day in ("2027-07-02", "2027-07-05", "2027-07-06")], [True, False, True]),
    Case("1", "Christmas 2027 is a Saturday: Friday 24 and Monday 27 are Business Days.",
         lambda: [open_bank(day) for day in ("2027-12-24", "2027-12-27")], [True, True]),
    Case("1", "The Friday after Thanksgiving is a Business Day, Thanksgiving is not.",
         lambda: [open_bank(day) for day in ("2025-11-27", "2025-11-28")], [False, True]),
    Case("1", "Mondays that are holidays: third of January and February, last of May, first of September.",
         lambda: [open_bank(day) for day in ("2025-01-20", "2025-02-17", "2025-05-26", "2025-09-01")], [False] * 4),
    Case("1", "The last Monday of May is the fifth in 2027.",
         lambda: [open_bank(day) for day in ("2027-05-24", "2027-05-31")], [True, False]),
    Case("1", "Juneteenth, Columbus Day and Veterans Day are bank holidays; Election Day is none.",
         lambda: [open_bank(day) for day in ("2025-06-19", "2025-10-13", "2025-11-11", "2025-11-04")],
         [False, False, False, True]),
    Case("1", "Five Business Days after Tuesday 2025-12-23: the 31st.",
         lambda: str(CALENDAR.after(on("2025-12-23"), 5)), "2025-12-31"),
    Case("1", "Three Business Days before Monday 2025-07-07: Friday is Independence Day, so Tuesday the 1st.",
         lambda: str(CALENDAR.before(on("2025-07-07"), 3)), "2025-07-01"),
    Case("1", "A date after the loaded years is an error, not a guess.",
         lambda: refused(lambda: CALENDAR.is_business_day(on("2031-01-02")), CalendarError), REFUSED),
    Case("1", "Counting across the end of the loaded years is an error too.",
         lambda: refused(lambda: CALENDAR.after(on("2030-12-30"), 3), CalendarError), REFUSED),
    # --- Administrators ---------------------------------------------------------------------------------------------
    Case("1", "The last Administrator of an account cannot be removed.",
         lambda: without(Role.ACCOUNT_ADMINISTRATOR, 0), REFUSED),
    Case("1", "One of two Administrators can.", lambda: without(Role.ACCOUNT_ADMINISTRATOR, 1), "allowed"),
]  # fmt: skip
