"""What stops a rollout: evidence against the held-back units, or a plain share of failures. Pure.

Every revision is judged by itself, and all together: a release that is bad for one revision of four is seen in that
one first. The chance of a false alarm is divided among them; name every revision from the start, therefore, and count
units of one that appears later under OTHERS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fleet.domain.errors import InvalidError
from fleet.domain.rollout_evidence import Arm, Evidence, together

OTHERS = "others"
ALL_REVISIONS = "all revisions"
MAX_REVISIONS = 64


@dataclass(frozen=True, slots=True)
class EvidenceRule:
    """Stops when the failure rate exceeds that of the held-back units by more than `limit`, for sure.

    `false_alarm`: the chance that a rollout without such an excess is ever stopped is at most this. `minimum`: so many
    treated units of the revision have failed, at least.
    """

    limit: float = 0.0025
    false_alarm: float = 0.01
    minimum: int = 3

    def __post_init__(self) -> None:
        if not 0.0 <= self.limit < 1.0:
            raise InvalidError(f"excess_limit_percent is {self.limit * 100:g}, allowed is 0 to less than 100")
        if not 0.0 < self.false_alarm < 1.0:
            raise InvalidError(f"false_alarm_percent is {self.false_alarm * 100:g}, allowed is between 0 and 100")
        if self.minimum < 1:
            raise InvalidError(f"minimum_failures is {self.minimum}, allowed is 1 or more")


@dataclass(frozen=True, slots=True)
class PlainRule:
    """Stops when of at least `minimum` treated units of a revision the share `failed` has failed."""

    failed: float
    minimum: int

    def __post_init__(self) -> None:
        if not 0.0 < self.failed <= 1.0:
            raise InvalidError(f"failed_percent is {self.failed * 100:g}, allowed is more than 0, at most 100")
        if self.minimum < 1:
            raise InvalidError(f"minimum_units is {self.minimum}, allowed is 1 or more")


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a rollout stops: of which revision (or ALL_REVISIONS), and in words with the numbers."""

    subject: str
    reason: str


def stops(
    revisions: Mapping[str, Evidence], evidence: EvidenceRule | None, plain: PlainRule | None = None
) -> Finding | None:
    """What there is against going on, if anything; `revisions` by a name that people know (`esp32 revision 2`)."""
    if len(revisions) > MAX_REVISIONS:
        raise InvalidError(f"a rollout is judged by at most {MAX_REVISIONS} revisions, got {len(revisions)}")
    everyone = {ALL_REVISIONS: together(revisions.values())} if len(revisions) > 1 else {}
    subjects = {**revisions, **everyone}
    for subject, seen in subjects.items():
        finding = None
        if evidence is not None and seen.treated.failed >= evidence.minimum:
            finding = _by_evidence(subject, seen, evidence, evidence.false_alarm / len(subjects))
        if finding is None and plain is not None:
            finding = _by_share(subject, seen.treated, plain)
        if finding is not None:
            return finding
    return None


def _by_evidence(subject: str, seen: Evidence, rule: EvidenceRule, alpha: float) -> Finding | None:
    bound = seen.lower_bound(alpha)
    if bound is None or bound < rule.limit:
        return None
    return Finding(
        subject,
        f"{subject}: {seen.treated} failed with the release, {seen.held_back} without; that is at least "
        f"{bound * 100:.2f} points more, the limit is {rule.limit * 100:g}",
    )


def _by_share(subject: str, treated: Arm, rule: PlainRule) -> Finding | None:
    if treated.watched < rule.minimum or treated.failed < rule.failed * treated.watched:
        return None
    return Finding(subject, f"{subject}: {treated} failed with the release, the limit is {rule.failed * 100:g} %")
