"""Is the hardware sound? One small real test for each part, in the order of SELF_TESTS.

`board` gives partition(), ethernet_up(), led(), entropy() and `usb`; `clock_ms` and `pause` come from
the caller. A test answers (result, value); the value is what was measured, for the warehouse's records.
"""

from protocol.wire.enumerations import SELF_TEST_RESULTS, SELF_TESTS

PASSED = SELF_TEST_RESULTS.index("passed")
FAILED = SELF_TEST_RESULTS.index("failed")
SKIPPED = SELF_TEST_RESULTS.index("skipped")

_SURROUNDINGS = ("ethernet", "usb")  # what a cable, or the computer at its other end, can fail
_RAM_BYTES = 4096
_FLASH_BYTES = 256
_ENTROPY_BYTES = 32
# Of 256 fair coins fewer than 80 or more than 176 heads come up once in 10**9 tests.
_LEAST_ONES, _MOST_ONES = 80, 176
_CLOCK_STEPS = 20000


def run(board, identity, clock_ms):
    """The rows of a self_test_report; `identity` may be None, `clock_ms` is a running millisecond clock."""
    tests = {
        "ram": _ram,
        "flash": lambda: _flash(board.partition("scratch")),
        "ethernet": lambda: (PASSED if board.ethernet_up() else FAILED, 1 if board.ethernet_up() else 0),
        "usb": lambda: (PASSED if board.usb.dropped == 0 else FAILED, board.usb.dropped),
        "led": lambda: _led(board),
        "clock": lambda: _clock(clock_ms),
        "mac": lambda: _mac(identity),
        "entropy": lambda: _entropy(board),
    }
    rows = []
    for index, name in enumerate(SELF_TESTS):
        result, value = tests[name]()
        rows.append({"test": index, "result": result, "value": value})
    return rows


def failures(rows):
    """The names of the tests that failed."""
    return [SELF_TESTS[row["test"]] for row in rows if row["result"] == FAILED]


def of_image(failed):
    """Those of the `failed` that may be a new image's fault: it is not sent back for the cables that are in."""
    return [name for name in failed if name not in _SURROUNDINGS]


def _ram():
    """Two complementary patterns hold in a stretch of the heap; the value counts wrong bytes."""
    wrong = 0
    for pattern in (b"\x55", b"\xaa"):
        wrong += _RAM_BYTES - (pattern * _RAM_BYTES).count(pattern)
    return (FAILED if wrong else PASSED, wrong)


def _flash(scratch):
    """A block erases to ones and takes a pattern; the value is the first byte that did not."""
    pattern = bytes([(7 * i) & 0xFF for i in range(_FLASH_BYTES)])
    found = bytearray(_FLASH_BYTES)
    scratch.erase(0, scratch.block_bytes)
    for wanted in (b"\xff" * _FLASH_BYTES, pattern):
        if wanted is pattern:
            scratch.program(0, pattern)
        scratch.readinto(0, found)
        for at in range(_FLASH_BYTES):
            if found[at] != wanted[at]:
                return (FAILED, at)
    return (PASSED, _FLASH_BYTES)


def _led(board):
    """The LED is told to show its test pattern; whether it lights only an eye can tell."""
    board.led("self_test")
    return (SKIPPED, 0)


def _clock(clock_ms):
    """The millisecond clock moves on and never back; the value is how far."""
    first = last = clock_ms()
    for _ in range(_CLOCK_STEPS):
        now = clock_ms()
        if now < last:
            return (FAILED, last - now)
        last = now
        if last > first:
            break
    return (PASSED if last > first else FAILED, last - first)


def _mac(identity):
    """The MAC is a unit's own, not a group's; skipped before provisioning."""
    if identity is None:
        return (SKIPPED, 0)
    good = not identity.mac.is_multicast and int(identity.mac) != 0
    return (PASSED if good else FAILED, int(identity.mac) & 0xFFFFFF)


def _entropy(board):
    """Two draws differ and the ones are as many as coins give; the value counts the ones."""
    first, second = board.entropy(_ENTROPY_BYTES), board.entropy(_ENTROPY_BYTES)
    ones = 0
    for byte in first:
        for bit in range(8):
            ones += byte >> bit & 1
    good = first != second and _LEAST_ONES <= ones <= _MOST_ONES
    return (PASSED if good else FAILED, ones)
