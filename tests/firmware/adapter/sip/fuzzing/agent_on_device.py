"""Runs under MicroPython: reads mutants from standard input and feeds them to agents in every state.

Input: for each mutant the number of its state u8, its length u16, its bytes; a state with 0x80 begins a new agent.
Output: a line for each that raised, or after which OPTIONS stayed without an answer; at the end the bytes in use when
the first agents were new, and the most when later ones were.
"""

import gc
import sys

from tests.firmware.adapter.sip.fuzzing.agent_bench import STATES, Bench

FRESH = 0x80
ALIVE_EVERY = 25
_SETTLED = 12  # agents


def main():
    """See above."""
    gc.threshold(8192)  # as main has it
    stream = sys.stdin.buffer
    bench = None
    begun = count = settled = most = 0
    while True:
        head = stream.read(3)
        if len(head) < 3:
            break
        data = stream.read(head[1] << 8 | head[2])
        if head[0] & FRESH or bench is None:
            bench = None
            begun += 1
            gc.collect()
            used = gc.mem_alloc() - len(data)
            if begun <= _SETTLED:
                settled = used
            most = max(most, used)
            bench = Bench(STATES[head[0] & 0x7F])
        count += 1
        try:
            bench.feed(data)
            if count % ALIVE_EVERY == 0 and not bench.alive():
                print("no answer after", data)
        except Exception as error:
            print("raised", repr(error), data)
            sys.print_exception(error)
            bench = None
    print(settled, most)


main()
