"""The worked cases that ER 3 itself gives, line by line."""

from tests.equipment_oracle import events as ev
from tests.equipment_oracle.telling import BOUGHT
from tests.fleet.domain.worked_cases.case import Case, Life, unit


def replaced(shipped: str = "2025-05-01") -> Life:
    """A unit with a defect, replaced in advance by B."""
    life = unit()
    life.rma("2025-04-30").replace(shipped, "B")
    return life


CASES = [
    Case(
        "3 table, 1",
        "Ordered and shipped 2025-01-10, activated 2025-01-20, free: what it would cost to end on 2026-01-19 and -20.",
        lambda: (unit().term_of(), unit().cost_on("2026-01-19")["A"], unit().cost_on("2026-01-20")["A"]),
        ("2025-01-20 to 2026-01-20", "$50.00", "$0.00"),
    ),
    Case(
        "3 table, 2",
        "Ordered and shipped 2025-01-10, never activated, free.",
        lambda: Life().order("2025-01-10").ship("2025-01-10").term_of(),
        "2025-02-09 to 2026-02-09",
    ),
    Case(
        "3 table, 3",
        "Ordered and shipped 2025-01-10, activated 2025-03-01: 30 days came first.",
        lambda: Life().order("2025-01-10").ship("2025-01-10").activate("2025-03-01").term_of(),
        "2025-02-09 to 2026-02-09",
    ),
    Case(
        "3 table, 4",
        "Activated 2024-02-29.",
        lambda: Life().order("2024-02-20").ship("2024-02-20").activate("2024-02-29").term_of(),
        "2024-02-29 to 2025-02-28",
    ),
    Case(
        "3 table, 5",
        "Three free units, two in term from 2024-03-01, one replaced and received 2025-06-15; service ends 2025-07-01.",
        lambda: three_units().wait("2025-07-02").costs(),
        {"D": "$50.00", "r": "$9.95"},
    ),
    Case(
        "3 table, 6",
        "A replacement is received, the old unit comes back late: one term, the old one superseded without a fee.",
        lambda: (
            (life := replaced().deliver("2025-05-06", "B").receive("2025-05-30").remove_line("2025-06-02"))
            and (life.term_of("A"), life.term_of("B"), life.costs())
        ),
        (
            "2025-01-20 to 2026-01-20, superseded 2025-05-06",
            "2025-05-06 to 2026-05-06",
            {"A": "$65.00", "B": "$50.00", "r": "$9.95"},
        ),
    ),
    Case(
        "3 table, 7",
        "A unit bought for $39.95 is replaced for a defect: never a term, never a fee.",
        lambda: (
            (life := unit(BOUGHT).rma("2025-04-30", mode=ev.Mode.ON_RECEIPT).receive("2025-05-02"))
            and life.inspect("2025-05-02T15:00", ev.Finding.DEFECT)
            .replace("2025-05-03", "B")
            .deliver("2025-05-06", "B")
            and (life.term_of("A"), life.term_of("B"), life.cost_on("2025-06-01"), life.costs())
        ),
        ("none", "none", {"A": "$0.00", "B": "$0.00"}, {}),
    ),
    Case(
        "3 table, 8",
        "A replacement is shipped 2025-05-01, there is no delivery proof, it registers 2025-05-06.",
        lambda: replaced().register("2025-05-06", "B").term_of("B"),
        "2025-05-06 to 2026-05-06",
    ),
    Case(
        "3 table, 9",
        "As before, and proof of 2025-05-09 turns up later: still 2025-05-06.",
        lambda: replaced().register("2025-05-06", "B").deliver("2025-05-09", "B", known="2025-05-20").term_of("B"),
        "2025-05-06 to 2026-05-06",
    ),
    Case(
        "3 table, 10",
        "A replacement is shipped 2025-05-01, there is no proof, it registers 2025-05-20: assumed on 2025-05-11.",
        lambda: replaced().register("2025-05-20", "B").term_of("B"),
        "2025-05-11 to 2026-05-11, receipt assumed",
    ),
]


def three_units() -> Life:
    """A, B, C of 2024-02-20, activated 2024-03-01; D replaces C; the operator's notice of a breach ends service."""
    life = Life()
    life.order("2024-02-20", *(ev.OrderLine(line=name, ownership=ev.Ownership.PROVIDED) for name in "ABC"))
    for name in "ABC":
        life.ship("2024-02-20", name, name)
    for name in "ABC":
        life.activate("2024-03-01", name)
    life.rma("2025-06-10", "C").replace("2025-06-11", "D").deliver("2025-06-15", "D").scan("2025-06-16")
    life.receive("2025-06-19", serial="C")
    life.cancel("2025-06-20", asked_for="2025-07-01")
    return life
