"""Which Administrator of an account an act is done for: that is asked of an Administrator alone (ER 1, ToS 4)."""

from __future__ import annotations

from fleet.domain.errors import InvalidError
from fleet.domain.references import Noun, refer
from fleet.store.people import PeopleRepository
from fleet.store.unit_of_work import UnitOfWork


def administrator_on_record(uow: UnitOfWork, account_id: int, named: str | None) -> str:
    """The reference of `named`, else of the Administrator who acts, else of the only one; else InvalidError.

    An Administrator who acts is on record themselves: none gives another one's word.
    """
    references = [person.reference for person in PeopleRepository(uow).administrators_of(account_id)]
    acting = uow.actor.reference
    if acting in references:
        if named not in (None, acting):
            raise InvalidError(f"{acting} acts, and so is on record for it, not {named}: leave the name out")
        return acting
    if named is None and len(references) == 1:
        return references[0]
    if named not in references:
        account = refer(Noun.ACCOUNT, account_id)
        raise InvalidError(f"name one of the Administrators of {account} ({', '.join(references)}), got {named}")
    return named
