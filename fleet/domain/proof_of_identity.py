"""How somebody proves to speak for an account: as its caller, or as one whose Administrator is gone (ToS 4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fleet.domain.errors import ConflictError, InvalidError


class ProofMethod(StrEnum):
    ACCOUNT_PIN = "account_pin"
    SECURITY_QUESTIONS = "security_questions"
    MAIL_FROM_ADDRESS_ON_FILE = "mail_from_address_on_file"
    SIGNED_LETTER = "signed_letter"


PHONE_PROOFS = frozenset({ProofMethod.ACCOUNT_PIN, ProofMethod.SECURITY_QUESTIONS})
# By one of these an account whose Administrator is gone is given another one (ToS 4).
RECOVERY_PROOFS = frozenset(
    {ProofMethod.MAIL_FROM_ADDRESS_ON_FILE, ProofMethod.SECURITY_QUESTIONS, ProofMethod.SIGNED_LETTER}
)


@dataclass(frozen=True, slots=True)
class Verification:
    """How somebody was verified, and which of our people did it; both are kept."""

    method: ProofMethod
    verified_by: str


def check_recovery(proof: Verification, active_administrators: int) -> None:
    """Refuse to appoint an Administrator from outside while the account has one, or on a weaker proof."""
    if active_administrators:
        raise ConflictError(f"the account has {active_administrators} Administrators: any of them appoints another")
    if proof.method not in RECOVERY_PROOFS:
        raise InvalidError(
            f"an Administrator is replaced by {' or '.join(sorted(RECOVERY_PROOFS))}, got {proof.method}"
        )
