"""What is kept, and for how long (ER 8)."""

from fleet.domain.policy import PolicyBook, PolicyName, PolicyValue
from fleet.domain.retention import RetentionClass, is_due, purge_from, purge_proof
from tests.fleet.domain.worked_cases.case import Case, on

CALLS, LOGS, PERSONAL = RetentionClass.CALL_RECORDS, RetentionClass.CONNECTION_LOGS, RetentionClass.PERSONAL_DATA
YEAR = PolicyBook((PolicyValue(PolicyName.CALL_RECORDS_MONTHS, on("2025-01-01"), 12),))


def goes(data: RetentionClass, counted_from: str, policy: PolicyBook | None = None, today: str = "2027-01-01") -> str:
    """The first day on which something is purged."""
    return str(purge_from(data, on(counted_from), on(today), policy or PolicyBook()))


CASES = [
    Case("8", "A call of 2025-03-15 is purged 18 months later.", lambda: goes(CALLS, "2025-03-15"), "2026-09-15"),
    Case("8", "A call of 31 August 2025: 18 months end on the last day of February.",
         lambda: goes(CALLS, "2025-08-31"), "2027-02-28"),
    Case("8", "A call of 31 August 2026: that February has 29 days.", lambda: goes(CALLS, "2026-08-31"), "2028-02-29"),
    Case("8", "A call of leap day.", lambda: goes(CALLS, "2024-02-29"), "2025-08-29"),
    Case("8", "A connection log is kept for the whole of the 90th day.", lambda: goes(LOGS, "2025-01-01"),
         "2025-04-02"),
    Case("8", "The 90 days across leap day.", lambda: goes(LOGS, "2024-01-01"), "2024-04-01"),
    Case("8", "On the 90th day nothing is due, on the next day it is.",
         lambda: [is_due(LOGS, on("2025-01-01"), on(today), PolicyBook()) for today in ("2025-04-01", "2025-04-02")],
         [False, True]),
    Case("8", "Personal data goes 90 days after the account was closed, on the last day of the year.",
         lambda: goes(PERSONAL, "2025-12-31"), "2026-04-01"),
    Case("8", "The Unit's history is kept for ever.", lambda: goes(RetentionClass.UNIT_HISTORY, "1999-01-01"), "None"),
    Case("8", "Undelivered messages die after 30 days.",
         lambda: goes(RetentionClass.UNDELIVERED_MESSAGES, "2025-01-31"), "2025-03-03"),
    Case("8", "12 months instead of 18 from 2025-01-01 on: a purge after that day goes by 12, on old calls too.",
         lambda: goes(CALLS, "2024-06-15", YEAR, "2025-06-20"), "2025-06-15"),
    Case("8", "12 months instead of 18 from 2025-01-01 on: a purge of the day before goes by 18.",
         lambda: goes(CALLS, "2024-06-15", YEAR, "2024-12-31"), "2025-12-15"),
    Case("8", "A proof counts what was purged and names the first and the last record, and nobody.",
         lambda: (proof := purge_proof(CALLS, on("2026-09-15"), ["CA-7", "CA-3", "CA-5"]))
         and (proof.count, proof.first, proof.last), (3, "CA-3", "CA-7")),
    Case("8", "The proof of the same purge is the same, in whatever order it ran.",
         lambda: purge_proof(CALLS, on("2026-09-15"), ["CA-7", "CA-3"]).sha256
         == purge_proof(CALLS, on("2026-09-15"), ["CA-3", "CA-7"]).sha256, True),
    Case("8", "A purge that found nothing proves that.",
         lambda: purge_proof(LOGS, on("2026-09-15"), []).count, 0),
]  # fmt: skip
