"""The update session over real slots: installs, goes back, resumes, refuses, and tells the fleet once."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest

from adapter.update.errors import NetworkError
from adapter.update.fetching import Get
from adapter.update.journal import MAX_TRIES
from adapter.update.loading import CHECKPOINT_BYTES
from adapter.update.session import TRANSITIONS, TRIAL_DEADLINE_MS, TransitionError
from protocol.wire.enumerations import UPDATE_STATES
from protocol.wire.messages import pack
from tests.firmware.adapter.update.repository import NOW, NOW_S, SERIAL, BendableRepository, new_key
from tests.firmware.adapter.update.unit import UpdatingUnit

LONG_PAYLOAD = bytes(range(256)) * 400  # 100 KiB: three checkpoints
Bend = Callable[[BendableRepository], None]


def test_an_assigned_image_is_loaded_tried_and_confirmed(unit: UpdatingUnit) -> None:
    unit.install()
    assert unit.header.version == "1.0.0"
    unit.session.self_test(True)
    assert unit.session.state == "trial"
    unit.session.fleet_answered()
    assert unit.session.state == "confirmed"
    assert unit.told()[-1] == ("confirmed", "none")
    assert unit.session.state == "idle"
    unit.boot()
    assert (unit.header.version, unit.session.state) == ("1.0.0", "idle")


def test_reports_are_messages_of_the_wire(unit: UpdatingUnit) -> None:
    unit.session.check()
    unit.work()
    assert unit.told() == [("downloading", "none"), ("staged", "none")]
    for report in unit.reports:
        pack("update_report", report | {"clock_s": NOW_S})
    assert unit.reports[0]["assignment"] == 1
    assert (unit.reports[0]["target_counter"], unit.reports[0]["release_counter"]) == (2, 1)


def test_without_an_assignment_nothing_happens(unit: UpdatingUnit, repository: BendableRepository) -> None:
    for change in (lambda: repository.files.pop(f"director/{SERIAL}.json"), lambda: repository.assign(None, 2)):
        change()
        unit.session.check()
        unit.work()
        assert (unit.session.state, unit.told(), unit.session.wants_work) == ("idle", [], False)


def test_the_image_that_runs_is_not_loaded_again(unit: UpdatingUnit) -> None:
    unit.install()
    unit.session.self_test(True)
    unit.session.fleet_answered()
    count = len(unit.told())
    unit.session.check()
    unit.work()
    assert (unit.session.state, len(unit.told())) == ("idle", count)


def test_a_failed_self_test_goes_back_and_says_so(unit: UpdatingUnit) -> None:
    unit.install()
    unit.session.self_test(False, "led: no light\n")
    assert unit.session.poll(0)
    assert not unit.session.take_report(unit.reports.append)
    unit.boot("restart")
    assert unit.header.version == "0.9.0"
    assert unit.told()[-1] == ("reverted", "self_test")
    assert unit.reports[-1]["detail"] == "led: no light?"
    assert unit.reports[-1]["release_counter"] == 1
    assert unit.session.state == "idle"


def test_an_image_that_went_back_waits_for_newer_metadata(unit: UpdatingUnit, repository: BendableRepository) -> None:
    unit.install()
    unit.session.self_test(False)
    unit.boot("restart")
    count = len(unit.told())
    unit.session.check()
    unit.work()
    assert (unit.session.state, len(unit.told())) == ("idle", count)  # the same order is not told of twice
    repository.assign("simulated_1.0.0.img", 2)
    unit.session.check()
    unit.work()
    assert unit.told()[-1] == ("failed", "refused_before")
    repository.publish(bump=("all",))
    repository.assign("simulated_1.0.0.img", 3)
    unit.install()
    unit.session.self_test(True)
    unit.session.fleet_answered()
    assert unit.told()[-1] == ("confirmed", "none")


@pytest.mark.parametrize(("tested", "reason"), [(True, "fleet_unreachable"), (False, "deadline")])
def test_a_trial_ends_at_its_deadline(unit: UpdatingUnit, tested: bool, reason: str) -> None:
    unit.install()
    if tested:
        unit.session.self_test(True)
    assert not unit.session.poll(TRIAL_DEADLINE_MS - 1)
    assert unit.session.poll(TRIAL_DEADLINE_MS)
    unit.boot("restart")
    assert (unit.header.version, unit.told()[-1]) == ("0.9.0", ("reverted", reason))


@pytest.mark.parametrize("cause", ["crash", "watchdog"])
def test_a_trial_that_crashes_goes_back(unit: UpdatingUnit, cause: str) -> None:
    unit.install()
    unit.boot(cause)
    assert (unit.header.version, unit.told()[-1]) == ("0.9.0", ("reverted", cause))


def test_a_trial_survives_power_cuts_but_not_for_ever(unit: UpdatingUnit) -> None:
    unit.install()
    unit.boot()
    unit.boot()
    assert (unit.session.state, unit.header.version) == ("trial", "1.0.0")
    unit.boot()
    assert (unit.header.version, unit.told()[-1]) == ("0.9.0", ("reverted", "deadline"))


def test_the_unit_restarts_only_when_it_may(unit: UpdatingUnit) -> None:
    unit.session.check()
    unit.work()
    assert not unit.session.poll(0, may_restart=False)
    assert unit.session.state == "staged"
    assert unit.session.poll(0)


def forge(**changes: Any) -> Bend:
    return lambda repository: repository.forge_assignment(**changes)


def assign(**changes: Any) -> Bend:
    return lambda repository: repository.assign("simulated_1.0.0.img", 5, **changes)


def relist(**facts: Any) -> Bend:
    """The board's role lists the image with other facts; the director agrees with them."""

    def bend(repository: BendableRepository) -> None:
        name = repository.add_image("1.0.0", facts.pop("counter", 2), **facts)
        repository.publish(bump=("all",))
        repository.assign(name, 5)

    return bend


def not_listed(repository: BendableRepository) -> None:
    image = repository.assigned_image("simulated_1.0.0.img", name="simulated_7.img")
    repository.forge_assignment(target=image.to_dict())


def header_of_another_release(repository: BendableRepository) -> None:
    """Both signers say 3, the image itself says 2."""
    repository.board.targets["simulated_1.0.0.img"].custom["release_counter"] = 3
    repository.publish(bump=("all",))
    repository.assign("simulated_1.0.0.img", 5)


def other_bytes(repository: BendableRepository) -> None:
    path = next(path for path in repository.files if path.startswith("targets/"))
    repository.files[path] = repository.files[path][:-1] + b"?"


def fewer_bytes(repository: BendableRepository) -> None:
    path = next(path for path in repository.files if path.startswith("targets/"))
    repository.files[path] = repository.files[path][:-1]


def wrong_targets_key(repository: BendableRepository) -> None:
    repository.keys["targets"] = [new_key()]
    repository.publish(bump=("all",))


REFUSED: list[tuple[str, Bend, str]] = [
    ("order for another unit", assign(serial="PT000000028"), "mismatch"),
    ("order by a foreign key", forge(signer=new_key()), "signature"),
    ("expired order", assign(at=NOW - timedelta(days=15)), "expired"),
    ("order from the future", assign(at=NOW + timedelta(minutes=6)), "mismatch"),
    ("order with a sequence beyond the wire", forge(version=1 << 32), "mismatch"),
    ("order that is not one", forge(_type="targets"), "mismatch"),
    ("director alone: another hash", assign(sha256="00" * 32), "mismatch"),
    ("director alone: another length", assign(length=100), "mismatch"),
    ("director alone: another counter", assign(release_counter=9), "mismatch"),
    ("a length beyond the journal", assign(length=1 << 32), "mismatch"),
    ("a counter beyond the journal", assign(release_counter=1 << 32), "mismatch"),
    ("a counter below nothing", assign(release_counter=-1), "mismatch"),
    ("director alone: another board", assign(board="other"), "mismatch"),
    ("director alone: no such image", not_listed, "mismatch"),
    ("image for another board", relist(board="other"), "wrong_board"),
    ("image for other revisions", relist(revision_from=3), "wrong_board"),
    ("image for another runtime", relist(abi=7), "wrong_board"),
    ("image that needs more heap", relist(minimum_heap_bytes=1 << 30), "too_big"),
    ("image larger than a slot", relist(payload=bytes(1 << 20)), "too_big"),
    ("metadata by a foreign key", wrong_targets_key, "signature"),
]
DAMAGED: list[tuple[str, Bend, str]] = [
    ("image of other bytes", other_bytes, "hash"),
    ("image that ends early", fewer_bytes, "length"),
    ("image of another release than signed", header_of_another_release, "mismatch"),
]


@pytest.mark.parametrize(("bend", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_may_not_be_installed_is_refused_before_a_byte_is_written(
    unit: UpdatingUnit, repository: BendableRepository, bend: Bend, reason: str
) -> None:
    before = unit.other_slot()
    bend(repository)
    unit.session.check()
    unit.work()
    assert unit.told() == [("failed", reason)]
    assert (unit.session.state, unit.other_slot()) == ("idle", before)
    unit.session.check()
    unit.work()
    assert unit.told() == [("failed", reason)]  # told once


@pytest.mark.parametrize(("bend", "reason"), [case[1:] for case in DAMAGED], ids=[case[0] for case in DAMAGED])
def test_a_wrong_image_is_never_armed(
    unit: UpdatingUnit, repository: BendableRepository, bend: Bend, reason: str
) -> None:
    bend(repository)
    unit.session.check()
    unit.work()
    assert unit.told() == [("downloading", "none"), ("failed", reason)]
    assert not unit.session.poll(0)
    unit.boot()
    assert unit.header.version == "0.9.0"


def test_an_older_order_is_refused_and_so_is_another_with_the_same_number(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    repository.assign(None, 7)
    unit.session.check()
    unit.work()
    for sequence in (6, 7):
        repository.assign("simulated_1.0.0.img", sequence)
        unit.boot()
        unit.session.check()
        unit.work()
        assert unit.told()[-1] == ("failed", "rollback")


def test_no_image_below_the_security_floor(unit: UpdatingUnit, repository: BendableRepository) -> None:
    safe = repository.add_image("1.1.0", 5, security_counter=5)
    repository.publish(bump=("all",))
    repository.assign(safe, 2)
    unit.install()
    unit.session.self_test(True)
    unit.session.fleet_answered()
    repository.assign("simulated_1.0.0.img", 3)
    unit.report()
    unit.session.check()
    unit.work()
    assert unit.told()[-1] == ("failed", "rollback")


def cut_after(job: Generator[Get, Any, Any], files: dict[str, bytes], count: int) -> int:
    """Serve `job`, but the network is gone after `count` bytes of an image; the offset it began at."""
    get = next(job)
    while get.sink is None:
        get = job.send(files.get(get.path))
    for at in range(get.offset, get.offset + count, 700):
        get.sink(files[get.path][at : min(at + 700, get.offset + count)])
    with pytest.raises(NetworkError):
        job.throw(NetworkError("cut"))
    return int(get.offset)


@pytest.fixture
def long_image(repository: BendableRepository) -> str:
    name = repository.add_image("2.0.0", 3, LONG_PAYLOAD)
    repository.publish(bump=("all",))
    repository.assign(name, 2)
    return name


@pytest.mark.usefixtures("long_image")
def test_a_cut_download_goes_on_where_it_was(unit: UpdatingUnit, repository: BendableRepository) -> None:
    unit.session.check()
    assert cut_after(unit.session.work(NOW_S), repository.files, 50_000) == 0
    assert unit.session.state == "downloading"
    assert unit.session.wants_work
    assert 50_000 - 4096 < cut_after(unit.session.work(NOW_S), repository.files, 3) <= 50_000
    unit.work()
    assert unit.session.state == "staged"


@pytest.mark.usefixtures("long_image")
def test_after_a_power_cut_it_goes_on_from_the_last_checkpoint(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    unit.session.check()
    cut_after(unit.session.work(NOW_S), repository.files, 90_000)
    unit.boot()
    assert unit.session.state == "downloading"
    offset = cut_after(unit.session.work(NOW_S), repository.files, 0)
    assert 90_000 - CHECKPOINT_BYTES <= offset <= 90_000
    unit.work()
    assert unit.session.poll(0)


@pytest.mark.usefixtures("long_image")
def test_a_download_is_given_up_after_so_many_tries(unit: UpdatingUnit, repository: BendableRepository) -> None:
    unit.session.check()
    for _ in range(MAX_TRIES - 1):
        cut_after(unit.session.work(NOW_S), repository.files, 10)
    files = {path: data for path, data in repository.files.items() if not path.startswith("targets/")}
    unit.work(files)
    assert unit.told()[-1] == ("failed", "network")
    assert not unit.session.wants_work


@pytest.mark.usefixtures("long_image")
def test_a_slow_line_that_gets_on_is_not_given_up(unit: UpdatingUnit, repository: BendableRepository) -> None:
    unit.session.check()
    for _ in range(MAX_TRIES - 1):
        cut_after(unit.session.work(NOW_S), repository.files, 10)
    cut_after(unit.session.work(NOW_S), repository.files, 2 * CHECKPOINT_BYTES)
    for _ in range(MAX_TRIES - 1):
        cut_after(unit.session.work(NOW_S), repository.files, 10)
    unit.work()
    assert unit.session.poll(0)


@pytest.mark.usefixtures("long_image")
def test_an_order_taken_back_ends_the_download(unit: UpdatingUnit, repository: BendableRepository) -> None:
    unit.session.check()
    cut_after(unit.session.work(NOW_S), repository.files, 50_000)
    repository.assign(None, 3)
    unit.work()
    assert unit.told()[-1] == ("failed", "cancelled")


@pytest.mark.usefixtures("long_image")
def test_another_order_replaces_the_image_being_loaded(unit: UpdatingUnit, repository: BendableRepository) -> None:
    unit.session.check()
    cut_after(unit.session.work(NOW_S), repository.files, 50_000)
    repository.assign("simulated_1.0.0.img", 3)
    unit.work()
    assert unit.session.poll(0)
    unit.boot("restart")
    assert unit.header.version == "1.0.0"


def test_no_network_is_not_a_failure(unit: UpdatingUnit) -> None:
    unit.session.check()
    with pytest.raises(NetworkError):
        unit.work({})
    assert (unit.session.state, unit.session.wants_work, unit.told()) == ("idle", True, [])


def test_events_a_state_does_not_list_change_nothing(unit: UpdatingUnit) -> None:
    listed = {(state, event) for state, event, _ in TRANSITIONS}
    for state in UPDATE_STATES:
        for event in {event for _, event, _ in TRANSITIONS}:
            if (state, event) not in listed:
                unit.session._journal.state = state
                with pytest.raises(TransitionError):
                    unit.session._move(event)
                assert unit.session.state == state
    assert {state for state, _, _ in TRANSITIONS} == set(UPDATE_STATES)
