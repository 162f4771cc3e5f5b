"""UTC seconds since 1970 of an instant as TUF writes it, `2026-11-22T09:30:00Z`, and nothing else."""

from adapter.update.errors import MismatchError

_SHAPE = "dddd-dd-ddTdd:dd:ddZ"
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def seconds_of(text):
    """The seconds; MismatchError for any other form or a date that no calendar has."""
    if not _is_shaped(text):
        raise MismatchError("an instant looks like 2026-11-22T09:30:00Z, got %r" % text[:40])
    year, month, day = int(text[0:4]), int(text[5:7]), int(text[8:10])
    hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
    if year < 1970 or not 1 <= month <= 12 or not 1 <= day <= _days_of(year, month):
        raise MismatchError("no such day since 1970: %r" % text)
    if hour > 23 or minute > 59 or second > 59:
        raise MismatchError("no such time of day: %r" % text)
    return ((_days_before(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + second


def _is_shaped(text):
    if len(text) != len(_SHAPE):
        return False
    for at in range(len(_SHAPE)):
        if _SHAPE[at] == "d":
            if not "0" <= text[at] <= "9":
                return False
        elif text[at] != _SHAPE[at]:
            return False
    return True


def _is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_of(year, month):
    return 29 if month == 2 and _is_leap(year) else _MONTH_DAYS[month - 1]


def _days_before(year, month):
    """Days from 1970-01-01 to the first of that month."""
    past = year - 1
    days = 365 * (year - 1970) + past // 4 - past // 100 + past // 400 - 477
    for earlier in range(1, month):
        days += _days_of(year, earlier)
    return days
