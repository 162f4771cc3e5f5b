"""Which slot boots: the table of adapter/boot_record.py, row by row, and what it never does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter import boot_record
from adapter.errors import SlotError
from protocol.wire.boot_record import TRIAL_ARMED, TRIAL_NONE, TRIAL_RUNNING, BootRecord
from protocol.wire.enumerations import BOOT_REASONS, UPDATE_REASONS

OLD, NEW = b"o" * 32, b"n" * 32
POWER_ON, RESTART, WATCHDOG, CRASH = (BOOT_REASONS.index(name) for name in ("power_on", "restart", "watchdog", "crash"))
TRIAL_BOOT, REVERT_BOOT = BOOT_REASONS.index("update_trial"), BOOT_REASONS.index("update_revert")
CONFIRMED = BootRecord(slots=((1000, OLD), (0, bytes(32))))


def staged() -> BootRecord:
    return boot_record.stage(CONFIRMED, 1, 2000, NEW)


def running(attempts: int = 1) -> BootRecord:
    return boot_record.arm(staged()).but(trial=TRIAL_RUNNING, attempts=attempts)


def facts(record: BootRecord) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in BootRecord.__slots__)


@pytest.mark.parametrize("cause", range(len(BOOT_REASONS)))
def test_without_a_trial_the_confirmed_slot_boots_for_any_reason(cause: int) -> None:
    choice = boot_record.choose(staged(), cause)
    assert (choice.slot, choice.changed, choice.boot_reason) == (0, False, cause)


def test_an_armed_image_boots_on_its_first_attempt() -> None:
    choice = boot_record.choose(boot_record.arm(staged()), RESTART)
    assert (choice.slot, choice.changed, choice.boot_reason) == (1, True, TRIAL_BOOT)
    assert (choice.record.trial, choice.record.attempts) == (TRIAL_RUNNING, 1)


@pytest.mark.parametrize("cause", [POWER_ON, RESTART])
def test_a_power_cut_in_a_trial_is_an_attempt_and_three_are_the_most(cause: int) -> None:
    record = boot_record.arm(staged())
    for attempt in (1, 2, 3):
        choice = boot_record.choose(record, cause)
        record = choice.record
        assert (choice.slot, record.attempts) == (1, attempt)
    choice = boot_record.choose(record, cause)
    assert (choice.slot, choice.boot_reason, choice.record.trial) == (0, REVERT_BOOT, TRIAL_NONE)
    assert UPDATE_REASONS[choice.record.revert_reason] == "deadline"
    assert choice.record.refused == (NEW,)


@pytest.mark.parametrize(("cause", "reason"), [(CRASH, "crash"), (WATCHDOG, "watchdog")])
def test_a_crash_or_a_watchdog_in_a_trial_reverts_at_once(cause: int, reason: str) -> None:
    choice = boot_record.choose(running(), cause)
    assert (choice.slot, choice.boot_reason) == (0, REVERT_BOOT)
    assert (UPDATE_REASONS[choice.record.revert_reason], choice.record.refused) == (reason, (NEW,))


def test_a_damaged_image_on_trial_goes_back_to_the_confirmed_one() -> None:
    choice = boot_record.damaged(boot_record.choose(boot_record.arm(staged()), RESTART))
    assert (choice.slot, choice.boot_reason, choice.record.trial) == (0, REVERT_BOOT, TRIAL_NONE)
    assert UPDATE_REASONS[choice.record.revert_reason] == "hash"
    assert choice.record.slots == ((1000, OLD), (0, bytes(32)))


def test_a_damaged_confirmed_image_is_replaced_by_the_other_slot() -> None:
    choice = boot_record.damaged(boot_record.choose(staged(), POWER_ON))
    assert (choice.slot, choice.record.confirmed, choice.boot_reason) == (1, 1, POWER_ON)
    assert choice.record.slots == ((0, bytes(32)), (2000, NEW))


def test_confirming_moves_the_slot_and_raises_the_floor_but_never_lowers_it() -> None:
    assert boot_record.confirm(running(), 7).confirmed == 1
    assert boot_record.confirm(running(), 7).floor == 7
    assert boot_record.confirm(running().but(floor=9), 7).floor == 9


def test_reverting_refuses_the_image_until_it_is_forgiven() -> None:
    record = boot_record.revert(running(), UPDATE_REASONS.index("self_test"))
    with pytest.raises(SlotError, match="reverted before"):
        boot_record.stage(record, 1, 2000, NEW)
    assert boot_record.stage(boot_record.forgive(record, NEW), 1, 2000, NEW).slots[1] == (2000, NEW)


def test_only_the_last_four_reverted_images_are_remembered() -> None:
    record = CONFIRMED
    for number in range(6):
        record = boot_record.revert(boot_record.arm(boot_record.stage(record, 1, 9, bytes([number]) * 32)), 1)
    assert [digest[0] for digest in record.refused] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("step", "record", "error"),
    [
        (boot_record.arm, CONFIRMED, "nothing is staged"),
        (boot_record.arm, running(), "open already"),
        (lambda r: boot_record.confirm(r, 0), staged(), "nothing to confirm"),
        (lambda r: boot_record.confirm(r, 0), boot_record.arm(staged()), "nothing to confirm"),
        (lambda r: boot_record.revert(r, 1), staged(), "nothing to revert"),
        (lambda r: boot_record.stage(r, 0, 10, NEW), CONFIRMED, "confirmed one"),
        (lambda r: boot_record.stage(r, 1, 10, NEW), running(), "a trial is open"),
    ],
)
def test_a_step_out_of_order_raises_and_changes_nothing(step, record: BootRecord, error: str) -> None:  # type: ignore[no-untyped-def]
    before = facts(record)
    with pytest.raises(SlotError, match=error):
        step(record)
    assert facts(record) == before


@given(st.lists(st.integers(0, 7), max_size=30))
def test_whatever_ends_its_attempts_an_unconfirmed_image_never_boots_more_than_three_times(
    causes: list[int],
) -> None:
    record, trials = boot_record.arm(staged()), 0
    for cause in causes:
        choice = boot_record.choose(record, cause)
        trials += choice.slot == 1
        record = choice.record
        assert record.trial in (TRIAL_NONE, TRIAL_ARMED, TRIAL_RUNNING)
        assert record.confirmed == 0
    assert trials <= boot_record.MAX_ATTEMPTS
