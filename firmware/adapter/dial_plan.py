"""Which dialled digits are a number: a digit map as text (RFC 3435 2.1.5), walked one digit at a time.

    plan = alternative *("|" alternative)         each alternative is one way to dial a number
    alternative = 1*(element ["."]) ["T"]         "." repeats the element before it: none, once or more
    element = "x" / 0-9 / * / # / A-D / "[" ranges "]"     x is any of 0-9, a range as in [2-9] or [02-4]

A number is whole as soon as no alternative could take a further digit; where one could, a timer decides, as it does
where the alternative ends in T. Blanks, and parentheses round it all, mean nothing; letters are of either case.

The walk is a list of places, offsets into the plan that may take the next digit: what a key costs does not grow
with the digits dialled before it.
"""

from adapter.errors import AdapterError

MAX_PLAN_CHARACTERS = 400

_DIGITS = "0123456789"
_KEYS = "0123456789*#ABCD"


class DialPlanError(AdapterError):
    """A plan that is no digit map; says where."""


def checked(plan):
    """`plan` as the walk wants it, without blanks and in capitals; DialPlanError if it is no digit map."""
    plan = "".join(plan.upper().split())
    if plan[:1] == "(" and plan[-1:] == ")":
        plan = plan[1:-1]
    if not 0 < len(plan) <= MAX_PLAN_CHARACTERS:
        raise DialPlanError("a dial plan has 1 to %d characters, got %d" % (MAX_PLAN_CHARACTERS, len(plan)))
    for alternative in plan.split("|"):
        at = 0
        stop = len(alternative) - 1 if alternative.endswith("T") else len(alternative)
        while at < stop:
            end = _end(alternative, at)
            element = alternative[at:end]
            good = element == "X" or (len(element) == 1 and element in _KEYS)
            if not good and (element[0] + element[-1] != "[]" or not _is_range(element[1:-1])):
                raise DialPlanError("%r in the alternative %r of a dial plan is no element" % (element, alternative))
            at = end + 1 if alternative[end : end + 1] == "." else end
        if not stop:
            raise DialPlanError("an alternative of the dial plan %r takes no digit" % plan)
    return plan


def _is_range(inside):
    """True for what may stand in brackets: keys, and digits joined by a dash."""
    at = 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-":
            low, high = inside[at], inside[at + 2 : at + 3]
            if low not in _DIGITS or not high or high not in _DIGITS or low > high:
                return False
            at += 2
        elif inside[at] not in _KEYS:
            return False
        at += 1
    return at > 0


def _end(plan, at):
    """Where the element at `at` ends, its dot not counted."""
    return (plan.find("]", at) + 1 or len(plan)) if plan[at] == "[" else at + 1


def advance(plan, places, key):
    """The places after `key`; those before the first one if `places` is None."""
    found = []
    if places is None:
        at = 0
        while at >= 0:
            _reach(plan, found, at and at + 1)
            at = plan.find("|", at + 1)
        return found
    for at in places:
        if at == len(plan) or plan[at] == "|":
            continue
        end = _end(plan, at)
        if _takes(plan[at:end], key):
            _reach(plan, found, at if plan[end : end + 1] == "." else end)
    return found


def _reach(plan, places, at):
    """Adds `at`, and what is reached from there by leaving out repeated elements."""
    while at not in places:
        places.append(at)
        if at == len(plan) or plan[at] in "|T":
            return
        end = _end(plan, at)
        if plan[end : end + 1] != ".":
            return
        at = end + 1


def _takes(element, key):
    if element == "X":
        return key in _DIGITS
    if element[0] != "[" or "-" not in element:
        return key in element
    at = 1
    while at < len(element) - 1:
        if element[at + 1] == "-":
            if element[at] <= key <= element[at + 2]:
                return True
            at += 3
        elif element[at] == key:
            return True
        else:
            at += 1
    return False


def judged(plan, places):
    """(whole, more): whether the digits so far are a number, and whether a further one could follow or must."""
    whole = more = False
    for at in places:
        if at == len(plan) or plan[at] == "|":
            whole = True
        elif plan[at] == "T":
            whole = more = True
        else:
            more = True
    return whole, more
