"""What a unit goes through while its power is cut: a table of stories, each built from a seed.

A story gives the flash that the unit starts with, the world around it, and how it must end, whenever the power went.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from adapter.identity import LOCKED, Identity, IdentityStore
from adapter.records import RecordPair
from adapter.settings import SCHEMA
from protocol.wire.boot_record import BootRecord
from protocol.wire.image import HEADER_BYTES, ImageHeader
from protocol.wire.mac import MacAddress
from protocol.wire.messages import pack
from tests.firmware.adapter.update.repository import ABI, BOARD, SERIAL, BendableRepository
from tests.firmware.power_cuts.fleet_side import FINAL, Fleet, Order, seeded_repository
from tests.firmware.power_cuts.nor_flash import NorFlash
from tests.firmware.power_cuts.powered_unit import REVISION, Manners
from tests.firmware.power_cuts.worn_flash import worn
from tools.release.delta import make_delta

FIRST = "0.9.0"
Ending = tuple[str, str] | None  # the state and reason of an assignment's last report; None: there need not be one
Endings = frozenset[Ending]
CONFIRMED = ("confirmed", "none")
REAL_IMAGE_BYTES = 118_000


@dataclass(frozen=True, slots=True)
class Story:
    """`blocks` to start from; `endings` are the allowed last words on each assignment (None: it may pass without),
    `versions` what may run in the end.
    """

    name: str
    blocks: list[bytes]
    orders: list[Order]
    first_root: bytes
    images: dict[bytes, str]  # the genuine ones: version by SHA-256
    manners: Manners
    versions: frozenset[str]
    endings: dict[int, Endings]
    breaks: tuple[int, ...] = ()
    staged: str = ""  # how each image came, as the beginning of its report says

    def fleet(self) -> Fleet:
        """The world at the story's beginning."""
        return Fleet(self.orders, self.breaks)


@dataclass(slots=True)
class Stage:
    """What a scenario's builder works with."""

    chance: random.Random
    repository: BendableRepository
    first: bytes
    first_schema: int
    trials: dict[str, str] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    endings: dict[int, Endings] = field(default_factory=dict)
    versions: frozenset[str] = frozenset({FIRST})
    breaks: tuple[int, ...] = ()
    other_reports: int = 0
    late_reports: bool = False
    is_worn: bool = False
    staged: str = ""

    def release(self, version: str, counter: int, payload: int | bytes = 0, schema: int = SCHEMA) -> str:
        """A new signed image, of random bytes or of that `payload`; the name of its target."""
        if isinstance(payload, int):
            payload = self.chance.randbytes(payload or self.chance.randrange(1500, 14_000))
        facts = {"security_counter": counter, "data_schema": schema}
        name = self.repository.add_image(version, counter, payload, **facts)
        self.repository.publish(bump=("all",))
        return name

    def delta(self, base: bytes, name: str, bend: Callable[[bytes], bytes] = bytes) -> None:
        """The board's role lists a delta to that image too."""
        data = bend(make_delta(base, self.repository.image(name)))
        self.repository.add_delta(base, name, data)
        self.repository.publish(bump=("all",))

    def order(self, name: str | None, sequence: int, *endings: Ending, until: tuple[str, ...] = FINAL) -> None:
        """The director orders that image, with metadata as it is now, until the unit has told of such a state."""
        self.repository.assign(name, sequence)
        ends = frozenset((sequence, state) for state in until)
        self.orders.append(Order(dict(self.repository.files), ends))
        if name is None:
            return
        self.endings[sequence] = frozenset(endings or (CONFIRMED,))
        if CONFIRMED in self.endings[sequence]:
            version = name.partition("_")[2].removesuffix(".img")
            self.versions = (frozenset() if len(self.endings[sequence]) == 1 else self.versions) | {version}


def image_of(version: str, counter: int, payload: bytes, schema: int = SCHEMA) -> bytes:
    """An image as the flashing station writes it."""
    header = ImageHeader(BOARD, 1, 4, ABI, counter, 0, schema, 1000, version)
    return bytes(header.pack(payload)) + payload


def identity_of(chance: random.Random, root: bytes) -> Identity:
    """A locked identity; its key and certificate are only kept here, never used."""
    blobs = (chance.randbytes(500), chance.randbytes(400), root, pack("addresses", ADDRESSES))
    mac = MacAddress(b"\x02" + chance.randbytes(5))
    return Identity(LOCKED, 1, REVISION, mac, "DE", SERIAL, BOARD, chance.randbytes(32), chance.randbytes(65), blobs)


ADDRESSES = {
    "broker_host": "fleet.example", "broker_port": 8883, "updates_host": "fleet.example", "updates_port": 443,
    "ntp": [{"host": "time.example", "port": 123}],
}  # fmt: skip


def full(stage: Stage) -> None:
    """An update from the first image to the next."""
    stage.order(stage.release("1.0.0", 2), 1)


def broken_line(stage: Stage) -> None:
    """The same over a line that breaks off twice in each start: after three starts that is still no failure."""
    stage.breaks = tuple(stage.chance.randrange(0, 9000) for _ in range(2))
    stage.order(stage.release("1.0.0", 2, 24_000), 1)


def second(stage: Stage) -> None:
    """A second update right after the first."""
    stage.order(stage.release("1.0.0", 2), 1)
    stage.order(stage.release("1.1.0", 3), 2)


def reverted(stage: Stage, manner: str, reason: str) -> None:
    """The new image does not prove itself; an update to a better one follows."""
    stage.trials["1.0.0"] = manner
    stage.order(stage.release("1.0.0", 2), 1, ("reverted", reason))
    stage.order(stage.release("1.0.1", 3), 2)


def failed_self_test(stage: Stage) -> None:
    """The new image fails its self-test."""
    reverted(stage, "self_test", "self_test")


def no_fleet(stage: Stage) -> None:
    """The new image does not reach the fleet."""
    reverted(stage, "unreachable", "fleet_unreachable")


def crashed(stage: Stage) -> None:
    """The new image crashes or hangs."""
    manner = stage.chance.choice(("crash", "watchdog"))
    reverted(stage, manner, manner)


def rotated(stage: Stage) -> None:
    """Root, snapshot and timestamp keys change between two updates."""
    stage.order(stage.release("1.0.0", 2), 1)
    stage.repository.next_root(rotate=("root", "snapshot", "timestamp"))
    stage.repository.next_root(rotate=("targets",))
    stage.order(stage.release("1.1.0", 3), 2)


def cancelled(stage: Stage) -> None:
    """The order is taken back as soon as the fleet has heard that the download began."""
    stage.breaks = (stage.chance.randrange(0, 9000),)
    stage.order(stage.release("1.0.0", 2, 24_000), 1, ("failed", "cancelled"), CONFIRMED, until=(*FINAL, "downloading"))
    stage.order(None, 2)


def replaced(stage: Stage) -> None:
    """Another image is ordered as soon as the fleet has heard that the first one lies in its slot."""
    stage.breaks = (stage.chance.randrange(0, 9000),)
    until = stage.chance.choice(("downloading", "staged"))
    first = stage.release("1.0.0", 2, 24_000)
    stage.order(first, 1, None, CONFIRMED, until=(*FINAL, until))
    stage.order(stage.release("1.1.0", 3), 2)


def real_size(stage: Stage) -> None:
    """An image as large as the real one."""
    stage.order(stage.release("1.0.0", 2, REAL_IMAGE_BYTES), 1)


def by_delta(stage: Stage) -> None:
    """An update by a delta, and the next one by another, over a line that breaks off once in each start."""
    stage.breaks = (stage.chance.randrange(0, 6000),)
    stage.staged = "by a delta of "
    payload = changed(stage.first[HEADER_BYTES:], stage.chance)
    name = stage.release("1.0.0", 2, payload)
    stage.delta(stage.first, name)
    stage.order(name, 1)
    base = stage.repository.image(name)
    name = stage.release("1.1.0", 3, changed(payload, stage.chance))
    stage.delta(base, name)
    stage.order(name, 2)


def bad_delta(stage: Stage) -> None:
    """A delta that is signed and yet makes something else: the image comes whole."""
    stage.staged = "whole, "
    name = stage.release("1.0.0", 2, changed(stage.first[HEADER_BYTES:], stage.chance))
    at = stage.chance.random()
    stage.delta(stage.first, name, lambda data: _damaged(data, int(at * len(data))))
    stage.order(name, 1)


def _damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 0x55,)) + data[at + 1 :]


def changed(payload: bytes, chance: random.Random) -> bytes:
    """The next release of a payload: most of it is the same, some is new."""
    out = bytearray(payload)
    for _ in range(chance.randrange(3, 9)):
        at = chance.randrange(len(out))
        out[at : at + chance.randrange(400)] = chance.randbytes(chance.randrange(1800))
    return bytes(out)


def schema_up(stage: Stage) -> None:
    """The new image wants settings of a newer schema."""
    stage.order(stage.release("1.0.0", 2, schema=stage.first_schema + 1), 1)


def schema_down(stage: Stage) -> None:
    """The new image wants settings of an older schema, the next one of the newest."""
    stage.order(stage.release("1.0.0", 2, schema=1), 1)
    stage.order(stage.release("1.1.0", 3, schema=3), 2)


def schema_reverted(stage: Stage) -> None:
    """An image of a newer schema goes back: the settings are as they were, with the reports of its trial."""
    stage.trials["1.0.0"] = stage.chance.choice(("self_test", "crash"))
    stage.other_reports, stage.late_reports = 1, True
    reason = stage.trials["1.0.0"]
    stage.order(stage.release("1.0.0", 2, schema=stage.first_schema + 1), 1, ("reverted", reason))
    stage.order(stage.release("1.0.1", 3, schema=1), 2)


def years_later(stage: Stage) -> None:
    """Two updates of a unit whose stores are all about to turn over."""
    stage.is_worn = True
    second(stage)


def busy(stage: Stage) -> None:
    """Other reports wait too; no more of them than there is room for, for then the oldest go."""
    stage.other_reports = stage.chance.choice((1, 3))
    stage.order(stage.release("1.0.0", 2), 1)


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    "full update": full,
    "broken line": broken_line,
    "second update right after the first": second,
    "delta": by_delta,
    "delta that makes something else": bad_delta,
    "revert: self-test": failed_self_test,
    "revert: no fleet": no_fleet,
    "revert: crash": crashed,
    "settings migrated up": schema_up,
    "settings migrated down and up": schema_down,
    "settings migrated up and reverted": schema_reverted,
    "settings written often": busy,
    "stores about to turn over": years_later,
    "keys rotated between two updates": rotated,
    "cancelled": cancelled,
    "replaced": replaced,
    "image of real size": real_size,
}


def tell(name: str, seed: int) -> Story:
    """The story `name` as `seed` has it."""
    chance = random.Random(f"{name}/{seed}")
    repository = seeded_repository(chance.getrandbits(64))
    schema = chance.choice((1, SCHEMA))
    first = image_of(FIRST, 1, chance.randbytes(chance.randrange(2000, 9000)), schema)
    stage = Stage(chance, repository, first, schema, late_reports=chance.random() < 0.5)
    first_root = repository.first_root
    SCENARIOS[name](stage)
    images = {sha256(first).digest(): FIRST}
    for path, data in repository.files.items():
        if path.startswith("targets/") and path.endswith(".img"):
            images[sha256(data).digest()] = path.partition("_")[2].removesuffix(".img")
    manners = Manners(stage.trials, chance.random() < 0.5, stage.late_reports, stage.other_reports)
    blocks = flashed(chance, first, first_root)
    return Story(
        name, worn(blocks, chance) if stage.is_worn else blocks, stage.orders, first_root, images, manners,
        stage.versions, stage.endings, stage.breaks, stage.staged,
    )  # fmt: skip


def flashed(chance: random.Random, image: bytes, root: bytes) -> list[bytes]:
    """The flash of a unit as it leaves the factory: with an identity, which is locked."""
    flash = NorFlash(bare(chance, image))
    identity = IdentityStore(flash.partition("identity"))
    for _ in range(2):
        identity.store(identity_of(chance, root))
    return flash.blocks


def bare(chance: random.Random, image: bytes) -> list[bytes]:
    """The flash of a unit before it is provisioned: one slot filled, the other one full of old bytes."""
    flash = NorFlash()
    flash.partition("slot_a").program(0, image)
    flash.partition("slot_b").program(0, chance.randbytes(chance.randrange(1, 12) * 4096))
    record = BootRecord(slots=((len(image), sha256(image).digest()), (0, bytes(32))))
    RecordPair(flash.partition("boot_record")).store(record.pack())
    return flash.blocks
