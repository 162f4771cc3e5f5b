"""What may keep a unit from where a rollout wants it: one cause a unit, in the order in which causes are solved.

Which one holds of a unit is `update_diagnosis.py`, what to say and to do of it `update_advice.py`.
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """One of these holds of every unit that is not where its rollout wants it."""

    # The unit is out of reach for every rollout.
    RETURNED = "returned"
    REPLACED = "replaced"
    REVOKED = "revoked"
    QUARANTINED = "quarantined"
    NOT_IN_SERVICE = "not_in_service"
    NEVER_REGISTERED = "never_registered"
    # The rollout is not for it.
    WRONG_BOARD = "wrong_board"
    WRONG_REVISION = "wrong_revision"
    WRONG_ABI = "wrong_abi"
    JOINED_LATE = "joined_late"
    BETA_ONLY = "beta_only"
    LEFT_OUT = "left_out"
    # It is over: the unit said how it ended, or it was taken back.
    SUPERSEDED = "superseded"
    NEW_EPOCH = "new_epoch"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    BLOCKED = "blocked"
    CLOCK = "clock"
    EXPIRED = "expired"
    SIGNATURE = "signature"
    DISAGREE = "disagree"
    SECURITY_FLOOR = "security_floor"
    OLDER = "older"
    MALFORMED = "malformed"
    HASH = "hash"
    LENGTH = "length"
    TOO_BIG = "too_big"
    HEAP = "heap"
    FLASH = "flash"
    NETWORK = "network"
    SPENT = "spent"
    SELF_TEST = "self_test"
    LINE = "line"
    CRASH = "crash"
    WATCHDOG = "watchdog"
    TRIAL_DEADLINE = "trial_deadline"
    FLEET_UNREACHABLE = "fleet_unreachable"
    SLOT_DAMAGED = "slot_damaged"
    UNEXPLAINED = "unexplained"
    # The rollout has not come to it.
    HELD_BACK = "held_back"
    NOT_SUBMITTED = "not_submitted"
    NOT_APPROVED = "not_approved"
    NOT_STARTED = "not_started"
    PAUSED = "paused"
    FINISHED = "finished"
    LATER_GROUP = "later_group"
    # The unit may have it, and is on its way.
    OFFLINE = "offline"
    PENALTY_BOX = "penalty_box"
    NO_SLOT = "no_slot"
    PACE = "pace"
    NOT_ASKED = "not_asked"
    NOT_BEFORE = "not_before"
    HOURS = "hours"
    CALL_UP = "call_up"
    NO_HEAP = "no_heap"
    NOT_BEGUN = "not_begun"
    SLOW_DOWNLOAD = "slow_download"
    NO_DELTA = "no_delta"
    DOWNLOADING = "downloading"
    RESTARTING = "restarting"
    ON_TRIAL = "on_trial"
