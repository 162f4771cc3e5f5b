"""A unit's serial number: `PT`, eight digits and a Luhn check digit (ISO/IEC 7812-1, annex B)."""

from protocol.wire.errors import WireError

PREFIX = "PT"
DIGITS = 8
LENGTH = len(PREFIX) + DIGITS + 1


def check_digit(digits):
    """The Luhn digit, as text, that completes the text `digits`."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def make_serial(number):
    """The serial number of the `number`-th unit, 0 <= number < 10**8."""
    if not 0 <= number < 10**DIGITS:
        raise WireError("a serial number counts below 10**8, got %d" % number)
    digits = "%08d" % number
    return PREFIX + digits + check_digit(digits)


def check_serial(text):
    """`text`, if it is a well-formed serial number with the right check digit; else WireError."""
    well_formed = isinstance(text, str) and len(text) == LENGTH and text.startswith(PREFIX)
    digits = text[len(PREFIX) :] if well_formed else ""
    for digit in digits:
        well_formed = well_formed and digit in "0123456789"
    if not well_formed:
        raise WireError("not a serial number: %r; it looks like PT000000018" % (text,))
    if check_digit(digits[:-1]) != digits[-1]:
        raise WireError("serial number %r fails its check digit; read the label again" % (text,))
    return text
