"""Runs under MicroPython: reads mutants from standard input, prints a check sum of what comes of each.

Input: for each mutant its kind's number u8, its length u16, its bytes. Output: a line each, the CRC-32 of its outcome
in hex, or what was raised; "heap N" at the end: by how many bytes the heap has grown since the first SETTLED.
"""

import gc
import sys

from tests.firmware.adapter.sip.fuzzing.outcome import KINDS, Tally, outcome

SETTLED = 500


def main():
    """A line for each mutant; with an argument the whole outcome, not its check sum."""
    in_words = len(sys.argv) > 1
    count = settled = 0
    stream = sys.stdin.buffer
    while True:
        head = stream.read(3)
        if len(head) < 3:
            break
        data = stream.read(head[1] << 8 | head[2])
        try:
            tally = Tally(in_words)
            outcome(KINDS[head[0]], data, tally)
            print(tally.words if in_words else f"{tally.crc:08x}")
        except Exception as error:
            print(f"raised {error!r}")
        count += 1
        if count == SETTLED:
            data = head = tally = None
            gc.collect()
            settled = gc.mem_alloc()
    data = head = tally = None
    gc.collect()
    print("heap", gc.mem_alloc() - settled if settled else 0)


if __name__ == "__main__":
    main()
