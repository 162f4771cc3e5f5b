"""The unit at the rig: the real driver in MicroPython with a telephone, an account of kamailio's, and a dial plan."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from protocol.wire.enumerations import CALL_ENDS
from tests.firmware.voice_accounts import account
from tests.firmware.voice_board import VoiceBoard
from tests.peers.kamailio import Kamailio
from tests.stalls import LATE_MS, Stalls

NUMBER = "+12065550100"
DIAL_PLAN = "7xxxxx|5xxx|404xxx"  # all whole by their length: nobody waits for a timer
DIAL_TONE = (350, 440)
_KEY_MS = 40
_HANG_UP_MS = 900  # for shorter, it may be a tap of the hook


class Unit(VoiceBoard):
    """Registered with the first of `proxies`, running `image` or the firmware; `changes` are to the account.

    A unit is killed, not unregistered: another one of the same `user` would get its calls forked to where nobody is.
    """

    def __init__(
        self, folder: Path, proxies: Sequence[Kamailio], user: str = NUMBER, image: bytes = b"", **changes: Any
    ) -> None:
        ports = [proxy.port for proxy in proxies]
        super().__init__(folder, account(user, *ports, **{"dial_plan": DIAL_PLAN} | changes), image=image)

    def start(self) -> None:
        """Registered, and with its telephone plugged in."""
        super().start()
        self.phone.attach()

    def dial(self, number: str) -> None:
        """Lifts the handset, waits for dial tone, and dials."""
        self.phone.lift()
        assert self.phone.wait_for(lambda: self.phone.tones() == DIAL_TONE, 5), (
            f"no dial tone, but {self.phone.tones()}"
        )
        self.phone.dial(number, _KEY_MS, _KEY_MS)

    def hang_up(self) -> None:
        """Puts the handset down."""
        self.phone.hang_up()

    def say(self, samples: array[int]) -> bool:
        """Says it all into the handset; False if an end came late, for the machine was busy."""
        before = self.watch()
        self.phone.say(samples.tobytes())
        assert self.phone.done(len(samples) / 8000 + 5)
        self.phone.wait_for(lambda: False, 0.2)  # the last of it is on its way
        return self.on_time(before)

    def watch(self) -> int:
        """From now on; what `on_time` takes."""
        self.order(reset=1)
        self._stalls = Stalls()
        return len(self.phone.late_ms)

    def on_time(self, before: int) -> bool:
        """False if an end came late since then, for the machine was busy."""
        late_ms: float = self.stats()["pacing"]["worst_us"] / 1000
        machine_ms = self._stalls.stop()  # by which the far end may have come late
        return max(late_ms, machine_ms, *self.phone.late_ms[before:]) < LATE_MS

    def answer(self, timeout_s: float = 5.0) -> None:
        """Waits for the bell and lifts the handset."""
        assert self.phone.wait_for(lambda: self.phone.ringing, timeout_s), "the bell does not ring"
        self.phone.lift()

    def hears(self, *tones: int, timeout_s: float = 5.0) -> None:
        """Waits until just these frequencies sound in the handset."""
        assert self.phone.wait_for(lambda: self.phone.tones() == tones, timeout_s), f"{self.phone.tones()} is heard"

    def rest(self) -> None:
        """Hangs up, and waits until the unit has taken it for that and the call before is over."""
        before = self.phone.at_ms
        if self.phone.off_hook:
            self.phone.hang_up()
            self.phone.wait_for(lambda: self.phone.at_ms > before + _HANG_UP_MS, 3)
        states = [event["line"]["state"] for event in self.events if "line" in event]
        if states[-1:] == ["in_call"]:
            self.wait_line("registered", after=len(self.events) - 1)

    def record(self, after: int) -> dict[str, Any]:
        """The call record that came after event number `after`; `ended_by` as its name."""
        values = dict(self.wait_for("call_record", after=after)["call_record"])
        return values | {"ended_by": CALL_ENDS[values["ended_by"]]}
