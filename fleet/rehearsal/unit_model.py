"""What a unit says when: a state machine of the unit's part in updates. Pure: messages and times in, messages out.

The order of messages is the firmware's (firmware/adapter/uplink.py, firmware/adapter/update/session.py):

- `register`; the fleet's `registered` and `configuration`; then `service_ready` once a start, reports, heartbeats.
- `check_update` is answered by `command_result`; then the unit has no session while it asks the director and loads the
  image, and registers anew with the reports `downloading` and `staged`.
- It restarts into what is staged in its maintenance hours, not before `not_before`, from `deadline` on at any hour,
  and never in a call: an update has no room beside one, so nothing is asked or loaded then and no trial judged.
- On trial it registers as `update_trial`; then `confirmed`, or it goes back and says `reverted`. It then registers as
  `restart` where it decided that itself, and as `update_revert` where the image crashed.

tests/real_units/test_unit_model.py holds it to what real units said.

What a real unit has and this one has not: TLS and signatures (an order is read as it stands), deltas, a network that
fails on the way, three tries after a power cut, a security floor. Instants are UTC seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fleet.rehearsal.behaviour import NEVER_S, Behaviour, Fate, Image, Odds, Trouble
from fleet.rehearsal.chance import Chance
from fleet.rehearsal.order import Hours, Order
from fleet.rehearsal.unit_session import Configuration, Hardware, Session
from protocol.wire.enumerations import COMMANDS, UPDATE_REASONS, UPDATE_STATES
from protocol.wire.messages import Message

STAGED_POLL_S = 60  # what is staged is looked at so often
TRIAL_POLL_S = 20
CRASHES = 4  # of a release that crashes again and again
CRASH_EVERY_S = 1800
MAX_BOOT_ID = 0xFFFFFFFF
_ENDS = frozenset({"confirmed", "reverted", "failed"})


@dataclass(slots=True)
class UnitModel:
    """One unit. Call `wake` when `next_s` has come, `hear` with what the fleet sends, `take_order` if `wants_order`.

    Each returns what the unit says now. `state` is idle, downloading, staged or trial: the others last no time here.
    `other` is what it loads or has staged, on trial what it would go back to. `restarts`: when it restarted by itself.
    """

    hardware: Hardware
    behaviour: Behaviour
    image: Image
    seed: int
    next_s: int = 0
    powered: bool = False
    slot: int = 0
    state: str = "idle"
    other: Image | None = None
    order: Order | None = None  # the newest that was seen
    fate: Fate = Fate.WELL
    restarts: list[tuple[int, str]] = field(default_factory=list)
    session: Session = field(init=False)
    _chance: Chance = field(init=False)
    _check: bool = False
    _refused: set[str] = field(default_factory=set)
    _told: tuple[int, str] = (0, "")  # the last order of which something was told once, and what
    _due_s: int = NEVER_S  # when loading ends, what is staged is looked at, or the trial is judged
    _trouble_s: int = NEVER_S
    _dark_until_s: int = 0  # without power until then
    _away_s: int = NEVER_S  # when its next absence begins
    _crashes_left: int = 0
    _crash_s: int = NEVER_S
    _look_s: int = NEVER_S
    _reverted: tuple[str, Image | None] | None = None  # why, and from what; still to be told
    _call_s: int = 0  # when the call ends that keeps it from asking; 0: none does

    def __post_init__(self) -> None:
        self.session, self._chance = Session(self.hardware), Chance(self.seed)

    @property
    def wants_order(self) -> bool:
        """Whether it asks for the director's file now."""
        return self._check and self.powered and self.state in {"idle", "staged"} and not self._call_s

    def call_up(self, now_s: int) -> bool:
        """Whether somebody is on the telephone."""
        return self.powered and self.behaviour.calls.until(self.seed, now_s) > 0

    def plug_in(self, now_s: int) -> list[Message]:
        """Power comes on for the first time."""
        self._begin_life(now_s)
        return self._then([] if self._dark(now_s) else self._start(now_s, "power_on"))

    def settle_in(self, now_s: int, boot_id: int, configuration: Configuration) -> None:
        """It is in service already: as start `boot_id` it registered, was configured, and told all it had to."""
        self._begin_life(now_s)
        session, self.powered = self.session, True
        session.begin(now_s, "power_on", boot_id)
        session.sequence = 1
        session.ready_told = configuration.version
        session.configured(now_s, configuration)
        session.heartbeat_s = now_s + 1 + self._chance.below(configuration.heartbeat_s)
        self._then([])

    def wake(self, now_s: int) -> list[Message]:
        """What it says at that time, if anything."""
        if self._dark(now_s):
            self._lose_power()
            return self._then([])
        said: list[Message] = []
        if not self.powered:
            said = self._start(now_s, "update_trial" if self.state == "trial" else "power_on")
        if now_s >= self._trouble_s:
            said += self._meet_trouble(now_s)
        if self.powered and now_s >= self._crash_s:
            self._crashes_left -= 1
            self._crash_s = now_s + CRASH_EVERY_S if self._crashes_left else NEVER_S
            said += self._start(now_s, "crash")
        if self.powered and now_s >= self._look_s:
            self._look_s = now_s + self.behaviour.look_s
            self._ask(now_s)
        if self._check and now_s >= self._call_s:
            self._ask(now_s)
        if self.powered and now_s >= self._due_s:
            said += self._go_on(now_s)
        if self.powered:
            said += self.session.poll(now_s, self.image, self.slot, self.state)
        return self._then(said)

    def hear(self, now_s: int, message: Message) -> list[Message]:
        """What it answers to a message of the fleet; without power it hears nothing."""
        said: list[Message] = []
        if not self.powered:
            return said
        if message.name == "registered":
            said = self.session.registered(now_s, message)
        elif message.name == "configuration":
            said = self.session.configured(now_s, _configuration(message))
            if self.state == "staged":  # its hours may be others now
                self._due_s = self._look_at_staged(now_s)
        elif message.name == "command":
            said = self.session.commanded(now_s, message)
            if said and COMMANDS[message["command"]] == "check_update":
                self._ask(now_s)
        elif message.name == "acknowledge":
            self.session.acknowledged(message)
        if self._reverted is not None and self.session.online:  # it looks at its journal once it is in service
            said.append(self._report(now_s, "reverted", *self._reverted))
            self._reverted = None
        return self._then(said)

    def beat_at(self, at_s: int) -> None:
        """Its next heartbeat is at that time, if it has a session: so that 100,000 need not be heard each minute."""
        if self.session.online:
            self.session.heartbeat_s = at_s
            self._then([])

    def take_order(self, now_s: int, document: bytes | None) -> list[Message]:
        """What the director's file makes it do; None: there is none. It had no session while it asked."""
        if not self.wants_order:
            return []
        self._check, self._due_s = False, NEVER_S
        self.session.close()
        order = None if document is None else Order.read(document)
        if order is not None and order.expires_s <= now_s:
            self._fail(now_s, "expired")
        elif order is not None and self.order is not None and order.sequence < self.order.sequence:
            self._fail(now_s, "rollback")
        else:
            self.order = order or self.order
            self._follow(now_s, order)
        if self.state == "staged":
            if self._restart_s(now_s) <= now_s:
                return self._then(self._try_staged(now_s))
            self._due_s = self._look_at_staged(now_s)
        return self._then([] if self.state == "downloading" else self._register(now_s))

    # --- Power and starts ---

    def _begin_life(self, now_s: int) -> None:
        behaviour = self.behaviour
        self._trouble_s = behaviour.background.next(now_s, self._chance)
        if behaviour.absence is not None:
            self._away_s = behaviour.absence.next(now_s - 1)
        if behaviour.look_s:
            self._look_s = now_s + 1 + self._chance.below(behaviour.look_s)

    def _start(self, now_s: int, reason: str) -> list[Message]:
        self.powered = True
        self.session.begin(now_s, reason, 1 + self._chance.below(MAX_BOOT_ID))
        return self._register(now_s)

    def _register(self, now_s: int) -> list[Message]:
        return self.session.register(now_s, self.image, self.slot)

    def _dark(self, now_s: int) -> bool:
        """Whether it has no power now."""
        absence = self.behaviour.absence
        if absence is not None and now_s >= self._away_s:
            self._dark_until_s = max(self._dark_until_s, absence.until(now_s))
            self._away_s = absence.next(now_s)
        return self._dark_until_s > now_s

    def _lose_power(self) -> None:
        self.powered = False
        self.session.close()
        if self.state == "downloading":  # its journal goes on from the last checkpoint
            self.state, self.other, self._due_s, self._check = "idle", None, NEVER_S, True

    def _meet_trouble(self, now_s: int) -> list[Message]:
        background = self.behaviour.background
        found = background.draw(now_s, self._chance)
        self._trouble_s = background.next(now_s, self._chance)
        if found is Trouble.SILENCE:
            least, most = background.silence_s
            self._dark_until_s = now_s + self._between(least, most)
            self._lose_power()
        if found is Trouble.CRASH and self.state == "trial":
            return self._go_back(now_s, "crash")
        return self._start(now_s, "crash") if found is Trouble.CRASH else []

    # --- The update ---

    def _follow(self, now_s: int, order: Order | None) -> None:
        """Begin to load what the order names, or give up what is staged and it does not name any more."""
        if order is None or order.sha256 is None or order.sha256 == self.image.sha256:
            if self.state == "staged":
                self._fail(now_s, "cancelled")
            return
        if self.state == "staged" and self.other is not None and self.other.sha256 == order.sha256:
            self._tell_staged(now_s)
            return
        refusal = self._refusal(order)
        if refusal:
            self._fail(now_s, refusal)
            return
        self.state, self.other = "downloading", self.behaviour.images[order.sha256]
        self._due_s = now_s + self._between(*self.behaviour.load_s)

    def _refusal(self, order: Order) -> str:
        """Why the unit will not have that image; empty if it will."""
        if order.sha256 not in self.behaviour.images:
            return "mismatch"
        if order.board != self.hardware.board:
            return "wrong_board"
        return "refused_before" if order.sha256 in self._refused else ""

    def _fail(self, now_s: int, reason: str) -> None:
        """What an order failed of is told once, however often it is tried."""
        number = self.order.sequence if self.order is not None else 0
        told_before = self._told[0] == number and (self._told[1] == reason or reason == "refused_before")
        if not told_before:
            self._report(now_s, "failed", reason, self.other)
            self._told = number, reason
        self.state, self.other = "idle", None

    def _ask(self, now_s: int) -> None:
        """It is to ask the director: now, or once the call that is up is over."""
        self._check, self._call_s = True, self.behaviour.calls.until(self.seed, now_s)

    def _go_on(self, now_s: int) -> list[Message]:
        """What was loaded is staged, what is staged is due, or a trial is to be judged; after the call."""
        call_s = self.behaviour.calls.until(self.seed, now_s)
        if call_s:
            self._due_s = call_s + 1
            return []
        if self.state == "trial":
            return self._judge_trial(now_s)
        loaded = self.state == "downloading"
        if loaded:
            self.state = "staged"
            self._report(now_s, "downloading", "none", self.other)
            self._tell_staged(now_s)
        if self.order is not None and self.order.expires_s <= now_s:
            self._ask(now_s)  # what the order says now
        elif self._restart_s(now_s) <= now_s and not self._check:
            return self._try_staged(now_s)
        self._due_s = self._look_at_staged(now_s)
        return self._register(now_s) if loaded else []

    def _tell_staged(self, now_s: int) -> None:
        """Once for each order: a rollout may want no more than that."""
        number = self.order.sequence if self.order is not None else 0
        if self._told != (number, "staged"):
            self._told = number, "staged"
            self._report(now_s, "staged", "none", self.other)

    def _restart_s(self, now_s: int) -> int:
        """The first moment from `now_s` on at which order, hours and calls let it restart, as far as it knows."""
        call_s = self.behaviour.calls.until(self.seed, now_s)
        hours = self.session.configuration.hours if self.session.configuration is not None else None
        return max(call_s, self.order.restart_s(now_s, hours) if self.order is not None else now_s)

    def _look_at_staged(self, now_s: int) -> int:
        """When the next look can matter: it looks each minute, and not all units in the same second."""
        expires_s = self.order.expires_s if self.order is not None else NEVER_S
        return max(now_s, min(self._restart_s(now_s), expires_s)) + 1 + self._chance.below(STAGED_POLL_S)

    def _try_staged(self, now_s: int) -> list[Message]:
        """Restart into what is staged; its fate is drawn now."""
        tried = self._swap()
        self.state, self._due_s = "trial", now_s + self._between(*self.behaviour.trial_s)
        self.fate = self.behaviour.odds.get(tried.version, Odds()).draw(self._chance)
        self.restarts.append((now_s, "update_trial"))
        if self.fate is Fate.GOES_DARK:
            self._dark_until_s = NEVER_S
            self._lose_power()
            return []
        if self.fate is Fate.CRASHES:
            return self._go_back(now_s, "crash")
        return self._start(now_s, "update_trial")

    def _judge_trial(self, now_s: int) -> list[Message]:
        """The fleet has accepted the unit or not yet, and the self-test has spoken."""
        if self.fate is Fate.REVERTS:
            self.restarts.append((now_s, "restart"))
            return self._go_back(now_s, "self_test", "restart")
        if not self.session.online:
            self._due_s = now_s + TRIAL_POLL_S
            return []
        self.state, self.other, self._due_s = "idle", None, NEVER_S
        self._report(now_s, "confirmed", "none", self.image)
        if self.fate is Fate.CRASH_LOOPS:
            self._crashes_left, self._crash_s = CRASHES, now_s + CRASH_EVERY_S
        return self.session.flush(now_s)

    def _go_back(self, now_s: int, reason: str, boot_reason: str = "update_revert") -> list[Message]:
        """To the image before; this one is refused from now on."""
        self._swap()
        tried, self.state, self.other, self._due_s = self.other, "idle", None, NEVER_S
        if tried is not None:
            self._refused.add(tried.sha256)
        self._reverted = reason, tried
        return self._start(now_s, boot_reason)

    def _swap(self) -> Image:
        """The image of the other slot runs now, and the one that ran is the other."""
        if self.other is None:
            raise ValueError(f"{self.hardware.serial} has no other image in state {self.state}")
        self.image, self.other, self.slot = self.other, self.image, 1 - self.slot
        return self.image

    def _report(self, now_s: int, state: str, reason: str, about: Image | None) -> Message:
        values = {
            "assignment": self.order.sequence if self.order is not None else 0,
            "state": UPDATE_STATES.index(state),
            "reason": UPDATE_REASONS.index(reason),
            "target_counter": about.release_counter if about is not None else 0,
            "target_sha256": bytes.fromhex(about.sha256) if about is not None else bytes(32),
            "release_counter": self.image.release_counter,
            "detail": "",
            "clock_s": now_s,
        }
        return self.session.keep("update_report", values)

    def _between(self, least: int, most: int) -> int:
        return least + self._chance.below(most - least + 1)

    def _then(self, said: list[Message]) -> list[Message]:
        """Works out when it wants to be called next."""
        if self.powered:
            asks_s = self._call_s if self._check and self._call_s else NEVER_S
            mine_s = min(self._trouble_s, self._away_s, self._due_s, self._crash_s, self._look_s, asks_s)
            self.next_s = min(mine_s, self.session.next_s)
        else:
            self.next_s = self._dark_until_s
        return said


def _configuration(message: Message) -> Configuration:
    hours = Hours(message["maintenance_from_s"], message["maintenance_until_s"])
    return Configuration(message["config_version"], message["heartbeat_s"], hours)
