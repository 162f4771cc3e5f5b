"""Administrators hear that an update is to reach their units: once for each account and rollout (ER 6).

It is told with the first assignment to a unit of the account, in its transaction: nothing is enumerated, and
a service that is killed has told and assigned, or neither. Every rollout is told, a list's too, for what matters to a
customer is that it is their unit; but not one that only loads, which changes nothing they could notice.
"""

from __future__ import annotations

from fleet.domain.rollout import Rollout
from fleet.domain.treatment import Mode
from fleet.services.letters import write_to_administrators
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.update_notices import UpdateNoticeRepository


def tell_administrators(uow: UnitOfWork, rollout: Rollout, serial: str) -> None:
    """Write to the Administrators of the account that has the unit, which is assigned the rollout's release now."""
    if rollout.treatment.mode is Mode.DOWNLOAD_ONLY:
        return
    account_id = UpdateNoticeRepository(uow).account_to_tell(rollout.id, serial)
    if account_id is None:
        return
    beta = " (beta)" if rollout.beta else ""
    key = f"update_notice:{rollout.reference}:{account_id}"
    subject = f"Your adapters are to be updated to version {rollout.release}{beta}"
    write_to_administrators(uow, account_id, key, subject, _lines(rollout))


def _lines(rollout: Rollout) -> list[str]:
    lines = [f"version {rollout.release} is on its way to your adapters, to one after the other.", _when(rollout)]
    if rollout.treatment.not_before is not None:
        lines.append(f"None restarts before {rollout.treatment.not_before:%Y-%m-%d %H:%M} UTC.")
    lines.append("An adapter never restarts during a call. You need not do anything: leave it plugged in and online.")
    if rollout.beta:
        lines.append("It is a beta version, which you opted into; you can leave channel beta at any time.")
    return lines


def _when(rollout: Rollout) -> str:
    treatment = rollout.treatment
    if treatment.urgent:
        return "It is an urgent security fix: each restarts into it as soon as it is loaded, at any hour."
    if treatment.mode is Mode.FORCED:
        return "Each restarts into it as soon as it is loaded, at any hour."
    hours = "Each restarts into it in its maintenance hours"
    if treatment.deadline is not None:
        return f"{hours}, and from {treatment.deadline:%Y-%m-%d %H:%M} UTC on at any hour."
    return f"{hours}."
