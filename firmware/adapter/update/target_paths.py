"""Whether a delegation's path pattern covers a target's name (TUF specification 4.5, PATHPATTERN).

`*` is any run of characters, `?` is any one; neither covers a slash.
"""

MAX_PATTERN_CHARACTERS = 128


def matches(pattern, name):
    """True if `name` fits `pattern`; a longer pattern than MAX_PATTERN_CHARACTERS fits nothing."""
    if len(pattern) > MAX_PATTERN_CHARACTERS or pattern.count("/") != name.count("/"):
        return False
    patterns = pattern.split("/")
    for at, part in enumerate(name.split("/")):
        if not _part_matches(patterns[at], part):
            return False
    return True


def _part_matches(pattern, part):
    """One path element; each `*` is tried as short as it can be, so the time is the product of the lengths."""
    at = place = 0
    star = -1
    resume = 0
    while at < len(part):
        if place < len(pattern) and pattern[place] == "*":
            star, resume = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", part[at]):
            at += 1
            place += 1
        elif star >= 0:
            resume += 1
            at, place = resume, star + 1
        else:
            return False
    while place < len(pattern) and pattern[place] == "*":
        place += 1
    return place == len(pattern)
