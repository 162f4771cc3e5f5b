"""Two agents, each the other's proxy, in a seeded storm: their users do anything, the network loses and overtakes.

`storm(seed)` gives what is wrong in the end, nothing if all is well: every call ended once on both sides, nobody is
in a call that the other has left, and after 64*T1 of rest nothing is left of any transaction.
"""

from __future__ import annotations

import random
from typing import Any

from adapter.sip.endpoint import MAX_EVENTS, MAX_SENDS, MAX_TRANSACTIONS
from adapter.sip.errors import SipError
from tests.firmware.adapter.sip.rig import ALICE, ANSWER, BOB, HELD, OFFER, Network, agent, taken

REST_MS = 64 * 500 + 8000
NUMBERS = {ALICE: "+15551230001", BOB: "+15551230002"}


class Storm:
    """`end_of` counts each call's "ended"; `said` what the users saw and did, for whoever looks into a failure."""

    def __init__(self, seed: int, loss: float) -> None:
        self.chance = random.Random(seed)
        self.network = Network(seed, loss, (1, 40))
        self.ends = {
            address: agent(NUMBERS[address], address, [peer], seed + at)
            for at, (address, peer) in enumerate(((ALICE, BOB), (BOB, ALICE)))
        }
        self.network.nodes = dict(self.ends)
        self.calls: list[tuple[Any, Any]] = []  # (agent, call), each that ever was
        self.ended: dict[int, int] = {}
        self.offers: list[tuple[Any, Any]] = []
        self.faults: list[str] = []
        self.said: list[str] = []

    def look(self) -> None:
        """Takes the events of both."""
        for address, user_agent in self.ends.items():
            if len(user_agent.endpoint.transactions) > MAX_TRANSACTIONS:
                self.faults.append(f"{len(user_agent.endpoint.transactions)} transactions")
            if len(user_agent.events) > MAX_EVENTS + 2 or len(user_agent.endpoint._out) > MAX_SENDS + 2:
                self.faults.append("events or sends pile up")
            for event in taken(user_agent):
                self.said.append(f"{self.network.now_ms} {address[0]} {event}")
                if event[0] == "incoming":
                    self.calls.append((user_agent, event[1]))
                elif event[0] == "ended":
                    self.ended[id(event[1])] = self.ended.get(id(event[1]), 0) + 1
                elif event[0] == "offer":
                    self.offers.append((user_agent, event[1]))

    def act(self) -> None:
        """One of the users does something."""
        address = self.chance.choice((ALICE, BOB))
        user_agent = self.ends[address]
        for other, call in self.offers:
            if self.chance.random() < 0.9:
                other.answer(call, ANSWER)
            else:
                other.reject(call, 488)
        self.offers = []
        what = self.chance.random()
        call = self.chance.choice(user_agent.calls) if user_agent.calls else None
        if call is None or what < 0.05:
            try:
                called = user_agent.dial(NUMBERS[BOB if address == ALICE else ALICE], OFFER, self.network.now_ms)
                self.calls.append((user_agent, called))
            except SipError:
                if len(user_agent.calls) < 2:
                    raise
        elif what < 0.2:
            user_agent.hang_up(call)
        elif what < 0.4:
            user_agent.hold(call, self.chance.choice((HELD, OFFER)))
        elif call.incoming and what < 0.5:
            user_agent.ring(call)
        elif call.incoming and what < 0.9:
            user_agent.answer(call, ANSWER)
        elif what < 0.95:
            user_agent.reject(call, 486)

    def rest(self) -> None:
        """The users let go of all that is not up, and nobody does anything any more."""
        for user_agent in self.ends.values():
            for call in list(user_agent.calls):
                if call.state != "up" or self.chance.random() < 0.5:
                    user_agent.hang_up(call)
        quiet = 0
        while quiet < 3:
            self.network.run(REST_MS)
            self.look()
            quiet = 0 if self.offers else quiet + 1
            for other, call in self.offers:
                other.answer(call, ANSWER)
            self.offers = []

    def judge(self) -> list[str]:
        """What is wrong now."""
        faults = list(self.faults)
        up: list[set[str]] = []
        for user_agent in self.ends.values():
            names = {call.id for call in user_agent.calls}
            up.append(names)
            faults += [f"a call is {call.state}" for call in user_agent.calls if call.state != "up"]
            faults += [f"{each.machine} {each.state} is left" for each in user_agent.endpoint.transactions]
            faults += [f"a call is still {call.state}" for call in user_agent._leaving]
            faults += [f"{event[0]} nobody took" for event in user_agent.events]
        if up[0] != up[1]:
            faults.append(f"one end alone is in a call: {up}")
        for user_agent, call in self.calls:
            times = self.ended.get(id(call), 0)
            if times != (0 if call in user_agent.calls else 1):
                faults.append(f"a call that is {call.state} has ended {times} times")
        return faults


def storm(seed: int, steps: int = 60) -> list[str]:
    """See the module."""
    chance = random.Random(seed)
    weather = Storm(seed, chance.choice((0.0, 0.0, 0.1, 0.3)))
    for _ in range(steps):
        weather.network.run(chance.choice((0, 1, 5, 30, 300, 3000, 20_000)))
        weather.look()
        weather.act()
    weather.network.loss = 0.0
    weather.rest()
    return weather.judge()
