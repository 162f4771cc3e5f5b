"""What is said of a cause in a unit's sentence, what to do about it, and who can: a row for each of Cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fleet.domain.update_cause import Cause


class Who(StrEnum):
    """Who can solve a cause."""

    NOBODY = "nobody"  # time does
    CUSTOMER = "customer"
    SUPPORT = "support"
    WAREHOUSE = "warehouse"
    RELEASE_MANAGER = "release manager"
    APPROVER = "approver"
    RELEASE_OWNERS = "release owners"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Advice:
    """Of a cause the clause of the unit's sentence, with the fields of `update_explanation.py` put in, and a remedy."""

    clause: str
    remedy: str
    who: Who


_WENT_BACK: Final = "it went back from {release} of {rollout} on {since}{because}"
_DID_NOT_TAKE: Final = "it did not take {release} of {rollout}{because}"
_TO_COME: Final = "{rollout}, which is to bring it {release}, is {rollout_state}{rollout_reason}"
_GIVES: Final = "{rollout} gives it {release}"
_LOADED: Final = "it has loaded {release} of {rollout} and waits"
_REPLACE: Final = "Replace it by an RMA if others of its revision are well; else stop the rollout."
_SIGN_ANEW: Final = "Compare the published metadata with the bundle, sign and publish anew, then roll out again."
_MEND: Final = "Stop the rollout, mend the release by the detail given, and roll the next one out."

ADVICE: Final[Mapping[Cause, Advice]] = {
    Cause.RETURNED: Advice(
        "rollouts are for units in service, and it came back to us",
        "Nothing: it gets the release that is flashed when it is refurbished.",
        Who.WAREHOUSE,
    ),
    Cause.REPLACED: Advice(
        "rollouts are for units in service, and another unit has replaced it",
        "Nothing: its line is on the other unit. Ask for its return if it is overdue.",
        Who.SUPPORT,
    ),
    Cause.REVOKED: Advice(
        "its identity is revoked, so it is given nothing",
        "Take it back and refurbish it: only a new identity epoch makes it good again.",
        Who.WAREHOUSE,
    ),
    Cause.QUARANTINED: Advice(
        "it is quarantined, so no rollout reaches it until it is cleared",
        "Find out why it was quarantined, then clear it or revoke it.",
        Who.SUPPORT,
    ),
    Cause.NOT_IN_SERVICE: Advice(
        "rollouts are for units in service, and it is {service} ({custody})",
        "Nothing: a rollout reaches it once it is placed at an account.",
        Who.WAREHOUSE,
    ),
    Cause.NEVER_REGISTERED: Advice(
        "rollouts reach it once it comes on",
        "Have it plugged in to power and the network.",
        Who.CUSTOMER,
    ),
    Cause.WRONG_BOARD: Advice(
        "{release} of {rollout} is not for its board{because}",
        "Build and sign an image of the release for this board, or leave it as it is.",
        Who.RELEASE_OWNERS,
    ),
    Cause.WRONG_REVISION: Advice(
        "{release} of {rollout} is not for its hardware revision{because}",
        "Sign an image that names this revision, or replace the unit by a later one.",
        Who.RELEASE_OWNERS,
    ),
    Cause.WRONG_ABI: Advice(
        "{release} of {rollout} is compiled for another runtime than its own{because}",
        "Roll out a release built for this unit's runtime, or flash the unit with a new runtime at the station.",
        Who.RELEASE_OWNERS,
    ),
    Cause.JOINED_LATE: Advice(
        "{rollout} is for units that had registered before its start, and it first registered after",
        'Roll the release out again, or plan with joining = "dynamic".',
        Who.RELEASE_MANAGER,
    ),
    Cause.BETA_ONLY: Advice(
        "{release} of {rollout} is for the channel beta, and it is on stable",
        "Let an Administrator of its account opt in to beta, or wait for the release on stable.",
        Who.CUSTOMER,
    ),
    Cause.LEFT_OUT: Advice(
        "{rollout} leaves it out by its filter: {left_out}",
        "Roll the release out with a filter that takes this unit, if it is to have it.",
        Who.RELEASE_MANAGER,
    ),
    Cause.SUPERSEDED: Advice(
        "{release} of {rollout} was taken back from it{because}",
        "Ask why of the newer rollout; roll the release out again if that one will not bring it.",
        Who.RELEASE_MANAGER,
    ),
    Cause.NEW_EPOCH: Advice(
        "{release} of {rollout} was taken back from it{because}",
        "Nothing: what it ran before its refurbishing counts no more; the next rollout takes it.",
        Who.NOBODY,
    ),
    Cause.STOPPED: Advice(
        "{rollout}, which was to bring it {release}, was stopped{rollout_reason}",
        "See why it was stopped; roll out a release that mends it.",
        Who.RELEASE_MANAGER,
    ),
    Cause.CANCELLED: Advice(
        _DID_NOT_TAKE,
        "Roll the release out again if this unit is to have it.",
        Who.RELEASE_MANAGER,
    ),
    Cause.WITHDRAWN: Advice(
        "{release} of {rollout} was withdrawn from the signed metadata",
        "Stop the rollout, or sign and publish the release again.",
        Who.RELEASE_OWNERS,
    ),
    Cause.BLOCKED: Advice(
        _DID_NOT_TAKE,
        "Mend what it went back from; newer metadata that lists the image lets it try once more.",
        Who.RELEASE_OWNERS,
    ),
    Cause.CLOCK: Advice(
        "its clock is wrong, so it cannot judge {release} of {rollout}{because}",
        "Restart it; if its clock stays wrong, look at the time servers of its network, then replace it.",
        Who.SUPPORT,
    ),
    Cause.EXPIRED: Advice(
        _DID_NOT_TAKE,
        "Renew the metadata (plugtone release renew) and publish it, then roll out again.",
        Who.RELEASE_OWNERS,
    ),
    Cause.SIGNATURE: Advice(_DID_NOT_TAKE, _SIGN_ANEW, Who.RELEASE_OWNERS),
    Cause.DISAGREE: Advice(_DID_NOT_TAKE, _SIGN_ANEW, Who.RELEASE_OWNERS),
    Cause.SECURITY_FLOOR: Advice(
        "{release} of {rollout} is below the security floor that the unit has confirmed{because}",
        "Roll out a release at or above that floor: the unit never goes below it.",
        Who.RELEASE_OWNERS,
    ),
    Cause.OLDER: Advice(
        _DID_NOT_TAKE,
        "Look whether a mirror serves old metadata or a backup was restored; publish newer metadata.",
        Who.ADMIN,
    ),
    Cause.MALFORMED: Advice(
        "it did not take {release} of {rollout}, for what is signed cannot be used{because}",
        _SIGN_ANEW,
        Who.RELEASE_OWNERS,
    ),
    Cause.HASH: Advice(
        _DID_NOT_TAKE,
        "Look at the update server and its mirrors: a file there is not the published one.",
        Who.ADMIN,
    ),
    Cause.LENGTH: Advice(
        _DID_NOT_TAKE,
        "Look at the update server and its mirrors: a file there is cut off or not the published one.",
        Who.ADMIN,
    ),
    Cause.TOO_BIG: Advice(
        "{release} of {rollout} is too big for its flash{because}",
        "Make the image smaller, or leave boards with small slots out of the rollout.",
        Who.RELEASE_OWNERS,
    ),
    Cause.HEAP: Advice(
        "{release} of {rollout} needs more memory than it has{because}",
        "Lower the memory the release needs, or leave boards with little memory out of the rollout.",
        Who.RELEASE_OWNERS,
    ),
    Cause.FLASH: Advice(_DID_NOT_TAKE, "Its flash is failing: replace it by an RMA.", Who.SUPPORT),
    Cause.NETWORK: Advice(
        _DID_NOT_TAKE,
        "Have its network looked at, then roll out to it again.",
        Who.CUSTOMER,
    ),
    Cause.SPENT: Advice(
        "it gave {release} of {rollout} up, for loading it took more than it may cost{detail}",
        "Have its network looked at, then roll out to it again.",
        Who.CUSTOMER,
    ),
    Cause.SELF_TEST: Advice(_WENT_BACK, _REPLACE, Who.SUPPORT),
    Cause.LINE: Advice(
        "it went back from {release} of {rollout} on {since} because its line did not register with the new release",
        "Look at the registrar and the line's account; if both are well, stop the rollout.",
        Who.SUPPORT,
    ),
    Cause.CRASH: Advice(_WENT_BACK, _MEND, Who.RELEASE_OWNERS),
    Cause.WATCHDOG: Advice(_WENT_BACK, _MEND, Who.RELEASE_OWNERS),
    Cause.TRIAL_DEADLINE: Advice(_WENT_BACK, _MEND, Who.RELEASE_OWNERS),
    Cause.FLEET_UNREACHABLE: Advice(
        _WENT_BACK,
        "Look whether its network was down then; if it was not, the release is at fault: stop the rollout.",
        Who.SUPPORT,
    ),
    Cause.SLOT_DAMAGED: Advice(
        "it went back from {release} of {rollout} on {since} because the image in its flash was found damaged",
        "Its flash may be failing: roll out to it once more, and replace it if that ends the same.",
        Who.SUPPORT,
    ),
    Cause.UNEXPLAINED: Advice(
        "it did not take {release} of {rollout}, for a reason we do not know{because}",
        "Look at the unit's events; update this service if the unit's release is newer than it.",
        Who.SUPPORT,
    ),
    Cause.HELD_BACK: Advice(
        "{rollout} holds it back from {release}, to compare units with that release to units without",
        "Nothing: the next rollout takes it. List it in a rollout of its own if it must have the release.",
        Who.RELEASE_MANAGER,
    ),
    Cause.NOT_SUBMITTED: Advice(_TO_COME, "Submit it for approval.", Who.RELEASE_MANAGER),
    Cause.NOT_APPROVED: Advice(_TO_COME, "Approve it; its author cannot.", Who.APPROVER),
    Cause.NOT_STARTED: Advice(_TO_COME, "Start it.", Who.RELEASE_MANAGER),
    Cause.PAUSED: Advice(_TO_COME, "See why it is paused, then resume or stop it.", Who.RELEASE_MANAGER),
    Cause.FINISHED: Advice(
        "{rollout} finished before it came to this unit with {release}",
        "Roll the release out again.",
        Who.RELEASE_MANAGER,
    ),
    Cause.LATER_GROUP: Advice(
        "{rollout} gives it {release} when its group, {group}, is open; the groups before it try it first",
        "Wait: the group opens when those before it went well.",
        Who.NOBODY,
    ),
    Cause.OFFLINE: Advice(
        "{rollout} goes on with {release} when it is back",
        "Have its power, cable and network looked at.",
        Who.CUSTOMER,
    ),
    Cause.PENALTY_BOX: Advice(
        "it failed too often, so {rollout} does not try {release} on it{until}",
        "Look at its earlier failures; replace it if they are its own.",
        Who.SUPPORT,
    ),
    Cause.NO_SLOT: Advice(
        "{rollout} gives it {release} when one of the units that download now is done",
        "Wait, or plan for more downloads at a time.",
        Who.NOBODY,
    ),
    Cause.PACE: Advice(
        "{rollout} gives it {release} in its turn, for it reaches so many units an hour",
        "Wait, or plan for a higher pace.",
        Who.NOBODY,
    ),
    Cause.NOT_ASKED: Advice(_GIVES + " when it is heard next", "Wait for its next heartbeat.", Who.NOBODY),
    Cause.NOT_BEFORE: Advice(
        _LOADED + "{until}, before which {rollout} lets no unit restart",
        "Wait, or roll out again with an earlier time.",
        Who.RELEASE_MANAGER,
    ),
    Cause.HOURS: Advice(
        _LOADED + "{until} for its maintenance hours {window}{latest}",
        "Wait, or set other maintenance hours for the unit.",
        Who.SUPPORT,
    ),
    Cause.CALL_UP: Advice(
        "{rollout} goes on with {release} when the call that is up ends",
        "Wait: nothing restarts a unit or takes its memory in a call.",
        Who.NOBODY,
    ),
    Cause.NO_HEAP: Advice(
        "{rollout} assigned it {release} on {since}; it finds no memory for a connection just now",
        "Wait a few minutes; restart it outside a call if it stays so.",
        Who.SUPPORT,
    ),
    Cause.NOT_BEGUN: Advice(
        "{rollout} assigned it {release} on {since}; it has not said that it began",
        "Wait: it loads without its connection to the fleet, and tells of it afterwards. Restart it after an hour.",
        Who.SUPPORT,
    ),
    Cause.SLOW_DOWNLOAD: Advice(
        "it is downloading {release} of {rollout}{progress} since {since}, for its network is slow or keeps failing",
        "Have its network looked at; it goes on from where it was.",
        Who.CUSTOMER,
    ),
    Cause.NO_DELTA: Advice(
        "it is downloading {release} of {rollout}{progress}, since {since}: whole, there is no delta from {version}",
        "Wait; sign a delta from this version to make it shorter for others.",
        Who.RELEASE_OWNERS,
    ),
    Cause.DOWNLOADING: Advice(
        "it is downloading {release} of {rollout}{progress}, since {since}",
        "Wait: it takes minutes.",
        Who.NOBODY,
    ),
    Cause.RESTARTING: Advice(
        "it has loaded {release} of {rollout} and restarts into it now",
        "Wait a minute or two.",
        Who.NOBODY,
    ),
    Cause.ON_TRIAL: Advice(
        "it is trying {release} of {rollout} since {since}",
        "Wait: a trial takes minutes, in a call a day at most.",
        Who.NOBODY,
    ),
}
