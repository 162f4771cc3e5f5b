"""How an image comes into the other slot: by a delta where one helps, else whole, and never beyond the budget."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import TargetFile

from adapter.update.errors import NetworkError, UpdateError
from adapter.update.fetching import Get
from adapter.update.loading import CHECKPOINT_BYTES, MAX_DELTA_TRIES, MAX_LOAD_S, MAX_RECEIVED_IMAGES, MAX_TRIES
from protocol.wire.release import delta_name
from tests.firmware.adapter.update.repository import NOW_S, BendableRepository
from tests.firmware.adapter.update.unit import UpdatingUnit, first_image
from tools.release import delta

CHANCE = random.Random(7)
PAYLOAD = b"".join(CHANCE.randbytes(1500) + b"first" * 300 for _ in range(24))
NAME = "simulated_1.0.0.img"


make_delta = cache(delta.make_delta)


@pytest.fixture
def repository() -> BendableRepository:
    made = BendableRepository()
    made.add_image("1.0.0", 2, PAYLOAD)
    made.publish(bump=("all",))
    made.assign(NAME)
    return made


@pytest.fixture
def unit(tmp_path: Path, repository: BendableRepository) -> UpdatingUnit:
    return UpdatingUnit(tmp_path / "flash.bin", repository)


def add_delta(repository: BendableRepository, data: bytes | None = None, custom: Any = None) -> str:
    """The delta from the first image to the assigned one, signed; its path."""
    name = delta_name(NAME, "0.9.0")
    data = data or make_delta(first_image(), repository.image(NAME))
    target = TargetFile.from_data(name, data, ["sha256"])
    target.unrecognized_fields["custom"] = custom or {"base": sha256(first_image()).hexdigest()}
    repository.board.targets[name] = target
    path = f"targets/{target.hashes['sha256']}.{name}"
    repository.files[path] = data
    repository.publish(bump=("all",))
    return path


Answer = Callable[[Get, list[str]], bytes | None]


def serve(job: Generator[Get, Any, Any], answer: Answer, piece_bytes: int = 700) -> list[str]:
    """Drives `job`; an answer is None, or the file's bytes, or raises NetworkError. Targets' paths that were asked."""
    asked: list[str] = []
    value: Any = None
    failure: UpdateError | None = None
    while True:
        try:
            get = job.throw(failure) if failure else job.send(value)
        except StopIteration:
            return asked
        if get.sink is not None:
            asked.append(get.path.rpartition(".")[2])
        failure = value = None
        try:
            data = answer(get, asked)
            if data is not None and get.sink is not None:
                for at in range(get.offset, min(len(data), get.offset + get.max_bytes), piece_bytes):
                    get.sink(data[at : min(at + piece_bytes, get.offset + get.max_bytes)])
            value = data if get.sink is None else b"" if data is not None else None
        except UpdateError as error:  # of the network or of the sink: the driver hands in both
            failure = error


def good(repository: BendableRepository) -> Answer:
    return lambda get, asked: repository.files.get(get.path)


def load(unit: UpdatingUnit, answer: Answer | None = None, now_s: int = NOW_S) -> list[str]:
    """One run of work, and what it asked of the targets."""
    unit.session.check()
    return serve(unit.session.work(now_s), answer or good(unit.repository))


def staged_how(unit: UpdatingUnit) -> str:
    unit.report()
    assert unit.session.state == "staged", unit.reports
    assert unit.slots.other.size
    found = bytearray(len(unit.repository.image(NAME)))
    unit.slots.other.readinto(0, found)
    assert bytes(found) == unit.repository.image(NAME)
    return str(unit.reports[-1]["detail"])


def running_slot(unit: UpdatingUnit) -> bytes:
    found = bytearray(unit.slots.other.size)
    unit.flash.partition("slot_a").readinto(0, found)
    return bytes(found)


def test_a_delta_is_taken_where_one_is_signed_for_the_image_that_runs(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    before = running_slot(unit)
    path = add_delta(repository)
    saves: list[int] = []
    save = unit.session._journal.save
    unit.session._journal.save = lambda: saves.append(save())
    assert load(unit) == ["delta"]
    blocks = len(repository.image(NAME)) // 4096 + 1
    assert len(saves) <= blocks + 5  # not with every piece that comes
    assert staged_how(unit) == f"by a delta of {len(repository.files[path])} bytes"
    assert running_slot(unit) == before
    assert unit.session.poll(0)
    unit.boot("restart")
    assert unit.header.version == "1.0.0"


def cut_after(unit: UpdatingUnit, count: int) -> Answer:
    """Each file breaks off after `count` bytes of one connection."""

    def answer(get: Get, asked: list[str]) -> bytes | None:
        data = unit.repository.files.get(get.path)
        if get.sink is None or data is None or len(data) <= get.offset + count:
            return data
        get.sink(data[get.offset : get.offset + count])
        raise NetworkError("cut")

    return answer


@pytest.mark.parametrize("power", [False, True])
def test_a_delta_goes_on_at_a_blocks_end_wherever_it_was_cut(
    unit: UpdatingUnit, repository: BendableRepository, power: bool
) -> None:
    size = len(repository.files[add_delta(repository)])
    clean = unit.path.read_bytes()
    offsets = set()
    for count in range(1, size, size // 23):
        unit.path.write_bytes(clean)
        unit.boot()
        with pytest.raises(NetworkError):
            load(unit, cut_after(unit, count))
        if power:
            unit.boot()
        at: list[int] = []

        def watched(get: Get, asked: list[str], at: list[int] = at) -> bytes | None:
            if get.sink is not None:
                at.append(get.offset)
            return repository.files.get(get.path)

        assert load(unit, watched) == ["delta"]
        offsets.update(at)
        assert staged_how(unit).startswith("by a delta")
    assert len(offsets) >= 8  # the header's end, and several blocks'


def damaged(data: bytes) -> bytes:
    return data[:-40] + bytes(40)


BROKEN: dict[str, Callable[[BendableRepository], object]] = {
    "damaged": lambda r: add_delta(r, damaged(make_delta(first_image(), r.image(NAME)))),
    "to another image": lambda r: add_delta(r, make_delta(first_image(), r.image(NAME)[:-1] + b"?")),
    "from another image": lambda r: add_delta(r, make_delta(first_image()[:-1] + b"?", r.image(NAME))),
    "cut short": lambda r: add_delta(r, make_delta(first_image(), r.image(NAME))[:-300]),
    "too long": lambda r: add_delta(r, make_delta(first_image(), r.image(NAME)) + b"more"),
    "no delta": lambda r: add_delta(r, b"nothing of the kind" * 20),
    "not on the server": lambda r: r.files.pop(add_delta(r)),
    "short on the server": lambda r: r.files.update({(path := add_delta(r)): r.files[path][:-5]}),
}


@pytest.mark.parametrize("bend", BROKEN.values(), ids=BROKEN)
def test_a_delta_that_does_not_help_is_given_up_once_and_for_all(
    unit: UpdatingUnit, repository: BendableRepository, bend: Callable[[BendableRepository], object]
) -> None:
    before = running_slot(unit)
    bend(repository)
    image_bytes = len(repository.image(NAME))
    with pytest.raises(NetworkError):
        load(unit, lambda get, asked: cut_after(unit, 100 if asked[-1:] == ["img"] else 1 << 20)(get, asked))
    unit.boot()
    assert load(unit) == ["img"]  # remembered over the power cut
    assert staged_how(unit).startswith(f"whole, {image_bytes} bytes; delta")
    assert running_slot(unit) == before


def test_a_delta_given_up_is_tried_again_with_another_order(unit: UpdatingUnit, repository: BendableRepository) -> None:
    path = add_delta(repository)
    data = repository.files.pop(path)
    assert load(unit) == ["delta", "img"]
    repository.assign(None, 2)
    load(unit)
    unit.report()
    repository.assign(NAME, 3)
    repository.files[path] = data
    assert load(unit) == ["delta"]


def test_the_reason_for_giving_a_delta_up_is_told(unit: UpdatingUnit, repository: BendableRepository) -> None:
    repository.files.pop(add_delta(repository))
    assert load(unit) == ["delta", "img"]
    assert "delta: the update server does not have targets/" in staged_how(unit)


def test_a_heap_without_room_for_a_delta_takes_the_whole_image(
    unit: UpdatingUnit, repository: BendableRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*args: object) -> None:
        raise MemoryError("memory allocation failed, allocating 4160 bytes")

    add_delta(repository)
    monkeypatch.setattr(unit.slots, "delta", no_room)
    assert load(unit) == ["img"]
    assert "delta: memory allocation failed" in staged_how(unit)


IGNORED: dict[str, Callable[[BendableRepository], object]] = {
    "another base": lambda r: add_delta(r, custom={"base": "00" * 32}),
    "no base": lambda r: add_delta(r, custom={"something": 1}),
    "an odd base": lambda r: add_delta(r, custom={"base": 5}),
    "no smaller than the image": lambda r: add_delta(r, bytes(len(r.image(NAME)))),
}


@pytest.mark.parametrize("bend", IGNORED.values(), ids=IGNORED)
def test_a_delta_that_cannot_help_is_not_asked_for(
    unit: UpdatingUnit, repository: BendableRepository, bend: Callable[[BendableRepository], object]
) -> None:
    bend(repository)
    assert load(unit) == ["img"]
    assert staged_how(unit) == f"whole, {len(repository.image(NAME))} bytes"


def test_a_delta_that_never_comes_gives_way_to_the_whole_image(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    add_delta(repository)

    def no_delta(get: Get, asked: list[str]) -> bytes | None:
        if asked and asked[-1] == "delta" and get.sink:
            raise NetworkError("status 503")
        return repository.files.get(get.path)

    for _ in range(MAX_DELTA_TRIES):
        with pytest.raises(NetworkError):
            load(unit, no_delta)
    assert load(unit, no_delta) == ["img"]
    assert staged_how(unit).startswith("whole")


def test_a_delta_signed_later_does_not_disturb_what_is_under_way(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    with pytest.raises(NetworkError):
        load(unit, cut_after(unit, 50_000))
    add_delta(repository)
    assert load(unit) == ["img"]
    assert staged_how(unit) == f"whole, {len(repository.image(NAME))} bytes"


def test_a_delta_taken_back_half_way_is_replaced_by_the_whole_image(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    size = len(repository.files[add_delta(repository)])
    with pytest.raises(NetworkError):
        load(unit, cut_after(unit, size - 10))
    del repository.board.targets[delta_name(NAME, "0.9.0")]
    repository.publish(bump=("all",))
    assert load(unit) == ["img"]
    assert staged_how(unit).endswith("delta given up")


# Mirrors.


def by_mirror(*answers: Answer) -> Answer:
    return lambda get, asked: answers[get.mirror](get, asked)


def down(get: Get, asked: list[str]) -> bytes | None:
    raise NetworkError("no route")


def test_a_mirror_serves_what_the_units_own_server_cannot(unit: UpdatingUnit, repository: BendableRepository) -> None:
    unit.session.mirrors = 2
    assert load(unit, by_mirror(down, good(repository))) == ["img", "img"]
    assert staged_how(unit).startswith("whole")


def test_half_an_image_of_one_server_and_half_of_the_next_are_an_image(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    unit.session.mirrors = 3
    assert load(unit, by_mirror(cut_after(unit, 30_001), lambda get, asked: None, good(repository))) == ["img"] * 3
    assert staged_how(unit).startswith("whole")


def with_wrong_images(repository: BendableRepository) -> Answer:
    def answer(get: Get, asked: list[str]) -> bytes | None:
        data = repository.files.get(get.path)
        return data if get.sink is None or data is None else data[:-1] + b"?"

    return answer


def with_short_images(repository: BendableRepository) -> Answer:
    def answer(get: Get, asked: list[str]) -> bytes | None:
        data = repository.files.get(get.path)
        return data if get.sink is None or data is None else data[:-1]

    return answer


@pytest.mark.parametrize("liar", [with_wrong_images, with_short_images])
def test_an_image_that_one_server_gives_wrong_is_asked_of_the_next(
    unit: UpdatingUnit, repository: BendableRepository, liar: Callable[[BendableRepository], Answer]
) -> None:
    unit.session.mirrors = 2
    assert load(unit, by_mirror(liar(repository), good(repository))) == ["img", "img"]
    assert staged_how(unit).startswith("whole")


@pytest.mark.parametrize(("liar", "reason"), [(with_wrong_images, "hash"), (with_short_images, "length")])
def test_where_every_server_lies_nothing_is_armed(
    unit: UpdatingUnit, repository: BendableRepository, liar: Callable[[BendableRepository], Answer], reason: str
) -> None:
    before = running_slot(unit)
    unit.session.mirrors = 2
    load(unit, by_mirror(liar(repository), liar(repository)))
    assert unit.told()[-1] == ("failed", reason)
    assert not unit.session.poll(0)
    assert running_slot(unit) == before
    load(unit)
    assert staged_how(unit).startswith("whole")  # once a server is good again


def test_only_the_units_own_server_may_say_that_there_is_no_order(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    unit.session.mirrors = 2
    without = {path: data for path, data in repository.files.items() if not path.startswith("director/")}
    with pytest.raises(NetworkError):
        load(unit, by_mirror(down, lambda get, asked: without.get(get.path)))
    assert unit.session.state == "idle"
    assert unit.session.wants_work
    load(unit, by_mirror(lambda get, asked: without.get(get.path), good(repository)))
    assert (unit.session.state, unit.told(), unit.session.wants_work) == ("idle", [], False)


# Budget.


def test_more_bytes_than_the_budget_end_the_assignment(unit: UpdatingUnit, repository: BendableRepository) -> None:
    """As from a server without ranges on a line that breaks: what is thrown away counts too."""
    limit = MAX_RECEIVED_IMAGES * len(repository.image(NAME)) + 65_536
    received = 0
    count = 0
    while unit.session.state in ("idle", "downloading"):
        count += 1
        try:
            load(unit, cut_after(unit, CHECKPOINT_BYTES + 1 if count == 1 else 10))
        except NetworkError:
            unit.session.received(limit // 5)
            received += limit // 5
        if count == 3:
            unit.session._journal.save()
            unit.boot()
    unit.report()
    assert received <= limit + limit // 5
    assert unit.told()[-1] == ("failed", "deadline")
    assert f"more than {limit} bytes" in unit.reports[-1]["detail"]
    assert count < MAX_TRIES
    load(unit)
    assert unit.session.state == "staged"  # when it is asked anew, the server being good again


def test_an_assignment_that_takes_days_is_ended(unit: UpdatingUnit, repository: BendableRepository) -> None:
    with pytest.raises(NetworkError):
        load(unit, cut_after(unit, 40_000))
    unit.boot()
    with pytest.raises(NetworkError):
        load(unit, cut_after(unit, 10), NOW_S + MAX_LOAD_S)
    load(unit, cut_after(unit, 10), NOW_S + MAX_LOAD_S + 1)
    assert unit.told()[-1] == ("failed", "deadline")
    assert not unit.session.wants_work


def test_tries_of_an_assignment_given_up_do_not_shorten_the_next_look(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    for _ in range(MAX_TRIES - 1):
        with pytest.raises(NetworkError):
            load(unit, cut_after(unit, 10))
    load(unit, cut_after(unit, 10))
    assert unit.told()[-1] == ("failed", "network")
    with pytest.raises(NetworkError):
        load(unit, down)
    assert unit.session.wants_work


def test_a_server_that_is_gone_is_not_asked_for_ever(unit: UpdatingUnit, repository: BendableRepository) -> None:
    before = unit.path.read_bytes()
    unit.session.check()
    for _ in range(MAX_TRIES - 1):
        with pytest.raises(NetworkError):
            serve(unit.session.work(NOW_S), down)
    serve(unit.session.work(NOW_S), down)
    assert (unit.session.wants_work, unit.session.state, unit.told()) == (False, "idle", [])
    assert unit.path.read_bytes() == before
    load(unit)
    assert unit.session.state == "staged"
