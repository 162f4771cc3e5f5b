"""An image comes by a delta where one helps, else whole; a delta that does not help is given up once and for all."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from adapter.update.errors import NetworkError
from adapter.update.fetching import Get
from adapter.update.loading import MAX_DELTA_TRIES
from protocol.wire.release import delta_name
from tests.firmware.adapter.update.loading_bench import (
    NAME,
    PAYLOAD,
    cut_after,
    load,
    running_slot,
    staged_how,
)
from tests.firmware.adapter.update.repository import BendableRepository, assigned_repository
from tests.firmware.adapter.update.unit import UpdatingUnit, first_image
from tools.release import delta

make_delta = cache(delta.make_delta)


@pytest.fixture
def repository() -> BendableRepository:
    return assigned_repository(PAYLOAD)


def add_delta(repository: BendableRepository, data: bytes | None = None, custom: Any = None) -> str:
    """The delta from the first image to the assigned one, signed; its path."""
    data = data or make_delta(first_image(), repository.image(NAME))
    path = repository.add_delta(first_image(), NAME, data, custom)
    repository.publish(bump=("all",))
    return path


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
