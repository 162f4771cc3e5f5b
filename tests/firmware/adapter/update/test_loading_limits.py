"""Whom an image is asked of, and how much it may cost: mirrors, bytes, time, tries."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from adapter.update.errors import NetworkError
from adapter.update.fetching import Get
from adapter.update.journal import MAX_TRIES
from adapter.update.loading import CHECKPOINT_BYTES, MAX_LOAD_S, MAX_RECEIVED_IMAGES
from tests.firmware.adapter.update.loading_bench import (
    NAME,
    PAYLOAD,
    Answer,
    cut_after,
    good,
    load,
    running_slot,
    serve,
    staged_how,
)
from tests.firmware.adapter.update.repository import NOW_S, BendableRepository, assigned_repository
from tests.firmware.adapter.update.unit import UpdatingUnit


@pytest.fixture
def repository() -> BendableRepository:
    return assigned_repository(PAYLOAD)


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


def test_nor_is_it_for_the_sake_of_a_staged_image_whose_order_is_over(unit: UpdatingUnit) -> None:
    load(unit)
    journal = unit.session._journal
    later_s = journal.expires_s
    asked = 0
    while not unit.session.poll(0, now_s=later_s) and unit.session.wants_work and asked < 2 * MAX_TRIES:
        asked += 1
        with suppress(NetworkError):
            serve(unit.session.work(later_s), down)
    assert (asked, unit.session.state) == (MAX_TRIES, "staged")
    unit.session.check()  # on the next day
    assert not unit.session.poll(0, now_s=later_s)
    for _ in range(MAX_TRIES - 1):
        with pytest.raises(NetworkError):
            serve(unit.session.work(later_s), down)
