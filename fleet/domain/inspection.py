"""What the inspection of a returned unit found, and what follows for it and its account (equipment rules 4).

- Sound is a unit that nobody spoilt: one with a defect of its own is sound, else no defect could be returned.
- What is missing beside the unit (its supply) makes it incomplete, not unsound; only a trial asks for it (ER 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fleet.domain.errors import InvalidError
from fleet.domain.reason import Reason
from fleet.domain.rma import Condition

MAX_NOTE_CHARACTERS = 1000


class InspectionCode(StrEnum):
    """The reason code of a finding."""

    NO_FAULT_FOUND = "no_fault_found"
    HARDWARE_DEFECT = "hardware_defect"
    WORN = "worn"
    LIQUID = "liquid"
    IMPACT = "impact"
    OVERVOLTAGE = "overvoltage"
    OPENED = "opened"
    MISSING_PARTS = "missing_parts"


# The condition each finding means, and whether the Account or another party caused it (ToS 7.b).
FINDINGS: dict[InspectionCode, tuple[Condition, bool]] = {
    InspectionCode.NO_FAULT_FOUND: (Condition.SOUND, False),
    InspectionCode.HARDWARE_DEFECT: (Condition.DEFECTIVE, False),
    InspectionCode.WORN: (Condition.DEFECTIVE, False),
    InspectionCode.LIQUID: (Condition.DAMAGED, True),
    InspectionCode.IMPACT: (Condition.DAMAGED, True),
    InspectionCode.OVERVOLTAGE: (Condition.DAMAGED, True),
    InspectionCode.OPENED: (Condition.DAMAGED, True),
    InspectionCode.MISSING_PARTS: (Condition.INCOMPLETE, False),
}


class Triage(StrEnum):
    """What may become of an inspected unit."""

    RESTOCK = "restock"
    REPAIR = "repair"
    SCRAP = "scrap"


TRIAGE: dict[Condition, frozenset[Triage]] = {
    Condition.SOUND: frozenset({Triage.RESTOCK, Triage.SCRAP}),
    Condition.INCOMPLETE: frozenset({Triage.RESTOCK, Triage.SCRAP}),
    Condition.DEFECTIVE: frozenset({Triage.REPAIR, Triage.SCRAP}),
    Condition.DAMAGED: frozenset({Triage.REPAIR, Triage.SCRAP}),
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """A finding with its evidence: the reference of a photo, or a note, or both."""

    code: InspectionCode
    photo: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not (self.photo.strip() or self.note.strip()):
            raise InvalidError(f"a finding of {self.code} needs a photo or a note, got neither")
        if len(self.note) > MAX_NOTE_CHARACTERS:
            raise InvalidError(f"a note has at most {MAX_NOTE_CHARACTERS} characters, got {len(self.note)}")

    @property
    def condition(self) -> Condition:
        """How the unit is."""
        return FINDINGS[self.code][0]

    @property
    def caused_outside(self) -> bool:
        """Whether the Account or another party caused what is wrong with it."""
        return FINDINGS[self.code][1]

    @property
    def is_sound(self) -> bool:
        """Whether it came back unspoilt."""
        return self.condition is not Condition.DAMAGED

    @property
    def is_original(self) -> bool:
        """Whether it came back unspoilt and with all accessories."""
        return self.is_sound and self.condition is not Condition.INCOMPLETE

    @property
    def triage(self) -> frozenset[Triage]:
        """What may become of it."""
        return TRIAGE[self.condition]


def value_reason(inspection: Inspection) -> Reason | None:
    """Why replacement value is charged for an inspected unit of Operator Equipment; None if it is not."""
    if not inspection.caused_outside:
        return None
    text = f"The inspection found {inspection.code}: the Account or another party caused it."
    return Reason("ER 4, ToS 7.b", text)
