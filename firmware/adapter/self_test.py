"""Is the hardware sound? One small real test for each part, in the order of SELF_TESTS.

`board` gives partition(), ethernet_up(), led(), entropy() and `usb`. Its `bench` has what only a board on a bench has;
where it is None those tests are skipped: led_back() reads the LED's pin, mac_back(octets) the MAC from the Ethernet
controller it was written to, memory(count) lends a stretch of RAM, `line` is the line's chip (line_test.py). A test
answers (code, value); code 0 is sound, None skipped, the others stand in protocol/host/findings.py with what to do.
The value is what was measured, for the warehouse's records.
"""

from protocol.wire.link_enumerations import SELF_TEST_RESULTS, SELF_TESTS

PASSED = SELF_TEST_RESULTS.index("passed")
FAILED = SELF_TEST_RESULTS.index("failed")
SKIPPED = SELF_TEST_RESULTS.index("skipped")

_SURROUNDINGS = ("ethernet", "usb")  # what a cable, or the computer at its other end, can fail
_RAM_BYTES = 4096
_FLASH_BYTES = 256
_ENTROPY_BYTES = 64
# Of 512 fair coins fewer than 189 or more than 323 heads come up once in 10**8 tests.
_LEAST_ONES, _MOST_ONES = 189, 323
_REPEATS = 5  # of one byte in a row: once in 10**8 tests (NIST SP 800-90B, 4.4.1)
_CLOCK_STEPS = 20000
_MOST_STEP_US = 2_000_000


def run(board, identity, clock_us, damaged=0):
    """(test, result, code, value) of each test.

    `identity` may be None, `clock_us` is a running microsecond clock, `damaged` the frames that came so over USB.
    """
    tests = {
        "ram": lambda: _ram(board),
        "flash": lambda: _flash(board.partition("scratch")),
        "ethernet": lambda: (0, 1) if board.ethernet_up() else (1, 0),
        "usb": lambda: (1, board.usb.dropped) if board.usb.dropped else (2, damaged) if damaged else (0, 0),
        "led": lambda: _led(board),
        "clock": lambda: _clock(clock_us),
        "mac": lambda: _mac(board, identity),
        "entropy": lambda: _entropy(board),
        "line": lambda: _line(board, "loop"),
        "ring": lambda: _line(board, "ring"),
    }
    rows = []
    for index, name in enumerate(SELF_TESTS):
        code, value = tests[name]()
        rows.append((index, SKIPPED if code is None else FAILED if code else PASSED, code or 0, value))
    return rows


def failures(rows):
    """The names of the tests that failed."""
    return [SELF_TESTS[row[0]] for row in rows if row[1] == FAILED]


def of_image(failed):
    """Those of the `failed` that may be a new image's fault: it is not sent back for the cables that are in."""
    return [name for name in failed if name not in _SURROUNDINGS]


def _ram(board):
    """Every cell holds ones, zeros and its own address; the value is the first that did not."""
    cells = bytearray(_RAM_BYTES) if board.bench is None else board.bench.memory(_RAM_BYTES)
    for pattern in (0x55, 0xAA, None):
        for at in range(_RAM_BYTES):
            cells[at] = (at ^ at >> 8) & 0xFF if pattern is None else pattern
        for at in range(_RAM_BYTES):
            if cells[at] != ((at ^ at >> 8) & 0xFF if pattern is None else pattern):
                return 1, at
    return 0, 0


def _flash(scratch):
    """A block erases to ones and takes a pattern; the value is the first byte that did not."""
    pattern = bytes([(7 * i) & 0xFF for i in range(_FLASH_BYTES)])
    found = bytearray(_FLASH_BYTES)
    scratch.erase(0, scratch.block_bytes)
    for code, wanted in ((1, b"\xff" * _FLASH_BYTES), (2, pattern)):
        if wanted is pattern:
            scratch.program(0, pattern)
        scratch.readinto(0, found)
        for at in range(_FLASH_BYTES):
            if found[at] != wanted[at]:
                return code, at
    return 0, _FLASH_BYTES


def _led(board):
    """The LED's pin goes where it is told; whether it lights only an eye can tell."""
    board.led("self_test")
    if board.bench is None:
        return None, 0
    return (0, 1) if board.bench.led_back("self_test") else (1, 0)


def _clock(clock_us):
    """The clock moves on, never back, and not by leaps; the value is how far."""
    first = last = clock_us()
    for _ in range(_CLOCK_STEPS):
        now = clock_us()
        if now < last or now > last + _MOST_STEP_US:
            return 2, abs(now - last) & 0xFFFFFFFF
        last = now
        if last > first:
            return 0, last - first
    return 1, 0


def _mac(board, identity):
    """The MAC is a unit's own, not a group's, and the controller takes it; skipped before provisioning."""
    if identity is None:
        return None, 0
    value = int(identity.mac) & 0xFFFFFF
    if identity.mac.is_multicast or not int(identity.mac):
        return 1, value
    if board.bench is not None and board.bench.mac_back(identity.mac.octets) != identity.mac.octets:
        return 2, value
    return 0, value


def _entropy(board):
    """Two draws differ, no byte repeats itself, and the ones are as many as coins give; the value counts the ones."""
    first, second = board.entropy(_ENTROPY_BYTES), board.entropy(_ENTROPY_BYTES)
    ones, row, longest, before = 0, 0, 0, -1
    for byte in first:
        row = row + 1 if byte == before else 1
        longest = max(longest, row)
        before = byte
        for bit in range(8):
            ones += byte >> bit & 1
    if first == second or longest >= _REPEATS:
        return 1, ones
    return (0 if _LEAST_ONES <= ones <= _MOST_ONES else 2), ones


def _line(board, what):
    """The telephone line's chip, where one is at the bench: in service the line is the customer's."""
    if board.bench is None:
        return None, 0
    from adapter import line_test

    return getattr(line_test, what)(board.bench.line)
