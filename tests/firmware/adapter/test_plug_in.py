"""The way from the cable to a session, and how the session lends its connection to an update; time is made up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from adapter import plug_in
from adapter.activation import Activation
from adapter.clock import MADE_AFTER_S, Clock
from adapter.errors import AdapterError
from adapter.turn import Turn

TURNS_OF_THE_LOOP = 2000
SILENCE_MS = 20_000  # firmware/main.py restarts a unit whose plug-in says nothing for so long
DAY_S = 86_400


ADDRESSES = {"broker_host": "broker", "broker_port": 1, "ntp": [{"host": "time", "port": 2}]}


class MadeUpTime:
    """Stands in for the module asyncio: who waits moves the clock."""

    TimeoutError = TimeoutError

    def __init__(self) -> None:
        self.ms = 0.0

    async def sleep(self, seconds: float) -> None:
        self.ms += 1000 * seconds
        await asyncio.sleep(0)

    async def wait_for(self, awaitable: Awaitable[Any], seconds: float) -> Any:
        found = await awaitable
        if found is None:
            await self.sleep(seconds)
            raise TimeoutError
        return found


class Stream:
    """A connection; `incoming` is what the broker will say."""

    handshake_ms = 50

    def __init__(self, world: World) -> None:
        self._world = world

    async def handshake(self, first: bytes) -> None:
        self._world.did.append("open")

    async def write(self, data: bytes) -> None:
        if data == b"bye":
            self._world.did.append("bye")

    async def read(self) -> bytes | None:
        return self._world.incoming.pop(0) if self._world.incoming else None

    def close(self) -> None:
        self._world.did.append("close")
        self._world.connected = False


class Uplink:
    """A session in which b"configured" and b"refused" come in."""

    def __init__(self, activation: Activation) -> None:
        self._activation = activation

    def open(self, now_ms: float) -> None: ...
    def count_handshake(self, handshake_ms: int) -> None: ...
    def poll(self, now_ms: float) -> bytes:
        return b""

    def next_timer(self) -> None: ...
    def close(self, now_ms: float) -> bytes:
        return b"bye"

    def feed(self, data: bytes, now_ms: float) -> list[tuple[Any, ...]]:
        for event in ("connected", "accepted", "configured") if data == b"configured" else ("connected", "refused"):
            self._activation.handle(event)
        return [("refused", "quarantined", DAY_S)] if data == b"refused" else [("configured", {})]

    def lost(self) -> None:
        if self._activation.allows("disconnected"):
            self._activation.handle("disconnected")


class World:
    """A PlugIn with all it touches; `did` is what became of its connections."""

    def __init__(self, time: MadeUpTime) -> None:
        self.time = time
        self.did: list[str] = []
        self.incoming = [b"configured"]
        self.connected = False
        self.broker_away = False
        self.starved = 0  # so often the heap will have no room for a session
        self.logged: list[str] = []
        self.cable_in = True
        self.call_up = False
        self.beat_ms = 0.0
        self.longest_silence_ms = 0.0
        self.turn = Turn()
        self.activation = Activation(lambda state: None)
        clock = Clock()
        clock.set(MADE_AFTER_S * 1000, 0)
        self.plug_in = plug_in.PlugIn(
            self, self, lambda: self.time.ms, ADDRESSES, self.context, self.activation,
            Uplink(self.activation), clock, lambda event, value: self.logged.append(event), lambda event: None,
            lambda error: None, self.turn, lambda: self.call_up,
        )  # fmt: skip

    def link(self) -> int:
        return 1 if self.cable_in else 0

    def address(self) -> str:
        return "127.0.0.1"

    def entropy(self, count: int) -> bytes:
        return (59_999).to_bytes(count, "big")  # nearly the longest wait there is

    def context(self) -> None:
        self.starved -= 1
        if self.starved >= 0:
            raise MemoryError

    async def open_tls(self, host: str, port: int, context: object) -> Stream:
        assert not self.connected
        assert not self.turn.lent, "a second connection"
        if self.broker_away:
            raise AdapterError("nobody there")
        self.connected = True
        return Stream(self)

    async def udp_exchange(self, host: str, port: int, data: bytes, accept: object, limit_ms: int) -> int:
        self.did.append("time")
        return MADE_AFTER_S * 1000

    def beat(self) -> None:
        self.longest_silence_ms = max(self.longest_silence_ms, self.time.ms - self.beat_ms)
        self.beat_ms = self.time.ms

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(TURNS_OF_THE_LOOP):
            if holds():
                return
            await asyncio.sleep(0)
        raise AssertionError(f"not seen: state {self.activation.state}, lent {self.turn.lent}, {self.did}")

    async def pass_time(self) -> None:
        """A while in which the plug-in may do what it likes."""
        for _ in range(100):
            await asyncio.sleep(0)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    time = MadeUpTime()
    monkeypatch.setattr(plug_in, "asyncio", time)
    return World(time)


def live(world: World, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs the plug-in until `story` has been told."""

    async def both() -> None:
        running = asyncio.create_task(world.plug_in.run(world.beat))
        await story()
        assert not running.done()
        running.cancel()

    asyncio.run(both())
    assert world.longest_silence_ms < SILENCE_MS


def test_a_session_ends_in_order_before_its_turn_is_lent_and_comes_back_after_it(world: World) -> None:
    async def story() -> None:
        await world.until(lambda: world.did == ["open"])
        world.turn.ask()
        await world.until(lambda: world.turn.lent)
        assert world.did == ["open", "bye", "close"]
        assert world.activation.state == "connect"
        await world.pass_time()
        assert world.did == ["open", "bye", "close"]
        world.turn.give_back()
        await world.until(lambda: world.did[3:] == ["open"])

    live(world, story)


def test_a_lost_session_waits_until_the_call_is_over(world: World) -> None:
    async def story() -> None:
        await world.until(lambda: world.did == ["open"])
        world.call_up = True
        world.cable_in = False  # and the call goes on, if it comes back soon
        await world.until(lambda: world.did == ["open", "close"])
        world.cable_in = True
        await world.until(lambda: world.activation.state == "connect")
        await world.pass_time()
        assert world.did == ["open", "close"]
        world.call_up = False
        await world.until(lambda: world.did[2:] == ["open"])

    live(world, story)


def test_an_update_need_not_wait_until_an_absent_broker_is_back(world: World) -> None:
    world.broker_away = True

    async def story() -> None:
        await world.until(lambda: world.time.ms > 120_000)  # by now it tries once a minute
        before_ms = world.time.ms
        world.turn.ask()
        await world.until(lambda: world.turn.lent)
        assert world.time.ms - before_ms <= 1000
        world.turn.give_back()
        world.broker_away = False
        await world.until(lambda: world.did[-1:] == ["open"])

    live(world, story)


def test_a_refused_unit_lends_its_turn_at_once_and_does_not_ask_the_fleet_sooner(world: World) -> None:
    world.incoming = [b"refused"]

    async def story() -> None:
        await world.until(lambda: world.did == ["open", "bye", "close"])
        world.turn.ask()
        await world.until(lambda: world.turn.lent)
        assert world.time.ms < 10_000
        world.turn.give_back()
        await world.pass_time()
        assert world.activation.state == "refused"
        assert world.did == ["open", "bye", "close"]

    live(world, story)


def test_a_cable_pulled_during_an_update_does_not_bring_two_connections(world: World) -> None:
    async def story() -> None:
        await world.until(lambda: world.did == ["open"])
        world.turn.ask()
        await world.until(lambda: world.turn.lent)
        world.cable_in = False
        await world.until(lambda: world.activation.state == "link")
        world.cable_in = True
        await world.until(lambda: world.activation.state == "connect")
        await world.pass_time()
        assert world.did == ["open", "bye", "close"]
        world.turn.give_back()
        await world.until(lambda: world.did[3:] == ["open"])

    live(world, story)


def test_no_turn_is_lent_while_the_cable_is_out(world: World) -> None:
    async def story() -> None:
        await world.until(lambda: world.did == ["open"])
        world.cable_in = False
        await world.until(lambda: world.activation.state == "link")
        world.turn.ask()
        await world.pass_time()
        assert not world.turn.lent
        world.cable_in = True
        await world.until(lambda: world.turn.lent)

    live(world, story)


def test_an_update_that_thought_better_of_it_costs_no_more_than_a_new_session(world: World) -> None:
    async def story() -> None:
        await world.until(lambda: world.did == ["open"])
        world.turn.ask()
        await world.until(lambda: "close" in world.did)
        world.turn.give_back()
        await world.until(lambda: world.did[3:] == ["open"])

    live(world, story)


def test_a_unit_that_cannot_connect_asks_for_the_time_anew_and_goes_on_trying(world: World) -> None:
    world.broker_away = True

    async def story() -> None:
        await world.until(lambda: world.did == ["time", "time"])
        world.broker_away = False
        await world.until(lambda: world.did[2:] == ["open"])

    live(world, story)


def test_a_session_for_which_the_heap_has_no_room_is_tried_again_and_no_crash(world: World) -> None:
    world.starved = 12

    async def story() -> None:
        await world.until(lambda: world.did == ["open"])
        assert world.logged.count("no_heap") == 12
        assert 60_000 < world.time.ms < 600_000
        world.cable_in = False
        await world.until(lambda: world.did == ["open", "close"])
        world.starved, world.cable_in, world.incoming = 12, True, [b"configured"]
        await world.until(lambda: world.did[2:] == ["open"])  # each time it starts to count anew

    live(world, story)


def test_a_heap_that_never_has_room_for_a_session_is_a_crash_in_the_end(world: World) -> None:
    world.starved = 10_000
    with pytest.raises(MemoryError):
        asyncio.run(world.plug_in.run(world.beat))
    assert world.logged.count("no_heap") == 20
    assert world.time.ms > 5 * 60_000
