"""Which slot to boot, and how a new image earns its place: the rules over a BootRecord.

| trial   | event                          | trial   | effect                                     |
|---------|--------------------------------|---------|--------------------------------------------|
| none    | stage(length, sha256)          | none    | the other slot's verified hash is recorded |
| none    | arm                            | armed   | the other slot boots next                  |
| armed   | any reset                      | running | first attempt                              |
| running | reset by power cut or restart  | running | next attempt, at most 3                    |
| running | crash, watchdog, 4th attempt   | none    | hash refused, confirmed slot boots         |
| running | confirm                        | none    | the running slot is the confirmed one      |
| armed, running | revert(reason)          | none    | hash refused, confirmed slot boots         |
"""

from adapter.errors import SlotError
from protocol.wire.boot_record import MAX_REFUSED, TRIAL_ARMED, TRIAL_NONE, TRIAL_RUNNING
from protocol.wire.enumerations import BOOT_REASONS, UPDATE_REASONS

MAX_ATTEMPTS = 3

WATCHDOG = BOOT_REASONS.index("watchdog")
CRASH = BOOT_REASONS.index("crash")
UPDATE_TRIAL = BOOT_REASONS.index("update_trial")
UPDATE_REVERT = BOOT_REASONS.index("update_revert")
# What ended the attempt before this boot, as the reason of a revert.
_FATAL = {CRASH: UPDATE_REASONS.index("crash"), WATCHDOG: UPDATE_REASONS.index("watchdog")}
_DEADLINE = UPDATE_REASONS.index("deadline")
HASH = UPDATE_REASONS.index("hash")
SLOTS = ("slot_a", "slot_b")  # their partitions


class Choice:
    """What boot shall do: check `slot`, store `record` if it `changed`, then run the slot."""

    def __init__(self, record, changed, slot, boot_reason):
        self.record = record
        self.changed = changed
        self.slot = slot
        self.boot_reason = boot_reason


def choose(record, reset_cause):
    """The Choice for a boot after `reset_cause` (index into BOOT_REASONS)."""
    if record.trial == TRIAL_NONE:
        return Choice(record, False, record.confirmed, reset_cause)
    if record.trial == TRIAL_RUNNING:
        reason = _FATAL.get(reset_cause)
        if reason is None and record.attempts >= MAX_ATTEMPTS:
            reason = _DEADLINE
        if reason is not None:
            return Choice(revert(record, reason), True, record.confirmed, UPDATE_REVERT)
    started = record.but(trial=TRIAL_RUNNING, attempts=record.attempts + 1)
    return Choice(started, True, 1 - record.confirmed, UPDATE_TRIAL)


def damaged(choice):
    """The Choice after the slot of `choice` failed its check: a trial is reverted, else the other slot serves."""
    record, slot = choice.record, choice.slot
    if record.trial != TRIAL_NONE:
        return Choice(_forget(revert(record, HASH), slot), True, record.confirmed, UPDATE_REVERT)
    return Choice(_forget(record, slot).but(confirmed=1 - slot), True, 1 - slot, choice.boot_reason)


def stage(record, slot, length, sha256):
    """The record after `slot` was found to hold `length` bytes of hash `sha256`."""
    if record.trial != TRIAL_NONE:
        raise SlotError("a trial is open; confirm or revert it before staging another image")
    if slot == record.confirmed:
        raise SlotError("slot %d is the confirmed one and is never written to" % slot)
    if sha256 in record.refused:
        raise SlotError("this image was reverted before; newer metadata must list it again")
    return _with_slot(record, slot, (length, bytes(sha256)))


def arm(record):
    """The record that boots the staged slot next, on trial."""
    if record.trial != TRIAL_NONE:
        raise SlotError("a trial is open already")
    if not record.slots[1 - record.confirmed][0]:
        raise SlotError("nothing is staged in slot %d" % (1 - record.confirmed))
    return record.but(trial=TRIAL_ARMED, attempts=0, revert_reason=0)


def confirm(record, security_counter):
    """The record after the image on trial proved itself; the floor rises to its security counter."""
    if record.trial != TRIAL_RUNNING:
        raise SlotError("no image is on trial, there is nothing to confirm")
    return record.but(
        confirmed=1 - record.confirmed, trial=TRIAL_NONE, attempts=0, floor=max(record.floor, security_counter)
    )


def revert(record, reason):
    """The record that boots the confirmed slot again and refuses the image on trial."""
    if record.trial == TRIAL_NONE:
        raise SlotError("no image is on trial, there is nothing to revert")
    sha256 = record.slots[1 - record.confirmed][1]
    refused = tuple([known for known in record.refused if known != sha256]) + (sha256,)
    return record.but(trial=TRIAL_NONE, attempts=0, revert_reason=reason, refused=refused[-MAX_REFUSED:])


def forgive(record, sha256):
    """The record that no longer refuses `sha256`: newer metadata lists it again."""
    return record.but(refused=tuple([known for known in record.refused if known != sha256]))


def _forget(record, slot):
    return _with_slot(record, slot, (0, bytes(32)))


def _with_slot(record, slot, image):
    slots = list(record.slots)
    slots[slot] = image
    return record.but(slots=slots)
