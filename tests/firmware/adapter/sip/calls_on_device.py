"""Runs under MicroPython: two agents call each other COUNT times; prints the heap in use after each tenth of them.

argv: COUNT. Each call is rung, answered, held, resumed and ended, now by one, now by the other; time is virtual.
Output: a line for each tenth, the bytes in use after a collection.
"""

import gc
import sys

from adapter.sip import sdp
from adapter.sip.agent import Agent

A, B = ("192.0.2.10", 5060), ("192.0.2.20", 5060)
seed = 1


def chance(count):
    """Bytes that are random enough, and the same in each run."""
    global seed  # noqa: PLW0603 - a generator in four lines
    out = bytearray(count)
    for at in range(count):
        seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
        out[at] = seed >> 16 & 0xFF
    return bytes(out)


def account(user):
    """A row of the configuration."""
    return {
        "user": user, "auth_user": user, "password": "secret", "domain": "example.net", "display_name": "",
        "emergency": "911", "registration_s": 3600, "media_security": 0, "mailbox": "",
    }  # fmt: skip


class Bench:
    """Two agents, each the other's registrar."""

    def __init__(self):
        self.now_ms = 1000
        self.nodes = {}
        for user, own, peer in (("+15550001", A, B), ("+15550002", B, A)):
            agent = Agent(account(user), own, chance)
            agent.set_registrars([(peer[0], peer[1], "udp")])
            self.nodes[own] = agent

    def run(self, for_ms):
        """Lets time pass; every datagram arrives at once. Returns the events of A and of B."""
        end_ms = self.now_ms + for_ms
        while True:
            busy = False
            for address in (A, B):
                for data, destination in self.nodes[address].poll(self.now_ms):
                    self.nodes[destination].feed(data, address, self.now_ms)
                    busy = True
            if not busy:
                wait_ms = min(self.nodes[A].next_timer(self.now_ms), self.nodes[B].next_timer(self.now_ms))
                if self.now_ms + wait_ms >= end_ms:
                    self.now_ms = end_ms
                    break
                self.now_ms += wait_ms
        out = []
        for address in (A, B):
            events = self.nodes[address].events
            out.append(list(events))
            del events[:]
        return out

    def call(self, number):
        """One call, from dialling to the last timer."""
        a, b = self.nodes[A], self.nodes[B]
        offer = sdp.offer("192.0.2.10", 4000, 1, 1, ("PCMU", "PCMA"), 20, "sendrecv")
        held = sdp.offer("192.0.2.10", 4000, 1, 2, ("PCMU", "PCMA"), 20, "sendonly")
        ours = a.dial("+15550002", offer, self.now_ms)
        theirs = self.run(50)[1][0][1]
        b.ring(theirs)
        assert self.run(50)[0][0][:3] == ("progress", ours, 180)
        b.answer(theirs, sdp.answer(theirs.description, "192.0.2.20", 4000, 7, 1, ("PCMA",), 20, "sendrecv"))
        assert self.run(50)[0][0][0] == "answered"
        for user, call, far, other, body in ((a, ours, theirs, b, held), (b, theirs, ours, a, offer)):
            user.hold(call, body)
            told = self.run(50)
            assert told[1 if other is b else 0][0][:2] == ("offer", far)
            other.answer(far, offer)
            assert self.run(50)[0 if other is b else 1][0][:2] == ("media", call)
        if number % 2:
            a.hang_up(ours)
        else:
            b.hang_up(theirs)
        ended = self.run(50)
        assert ended[0] + ended[1]
        for each in ended:
            assert [event[0] for event in each] == ["ended"], each
        self.run(64 * 500 + 6000)
        assert a.idle
        assert b.idle


def main():
    """The calls."""
    bench = Bench()
    count = int(sys.argv[1])
    bench.call(0)
    for number in range(count):
        bench.call(number)
        if (number + 1) % (count // 10) == 0:
            gc.collect()
            print(gc.mem_alloc())


main()
