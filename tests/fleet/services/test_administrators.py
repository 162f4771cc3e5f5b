"""Administrators appoint and remove each other, the last one stays, an account without any is recovered on proof."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.errors import ConflictError, FleetError, InvalidError, NotFoundError, UnauthenticatedError
from fleet.domain.people import PersonState
from fleet.domain.proof_of_identity import PHONE_PROOFS, RECOVERY_PROOFS, ProofMethod
from fleet.services.access import actor_of
from fleet.services.administrators import Recovery
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse, sent, snapshot
from tests.fleet.services.test_subjects import PASSWORD, let_in

LETTER = Recovery(ProofMethod.SIGNED_LETTER, [1], "Cleo Wren", "cleo@example.com")


@pytest.fixture
def ada(services: Services, admin: Actor) -> Actor:
    """The first Administrator of AC-1, PE-1."""
    Warehouse(services, admin).open_account()
    return actor_of(let_in(services, services.people.get(admin, 1)))


def test_an_administrator_appoints_another_who_then_removes_the_first(services: Services, ada: Actor) -> None:
    new = services.administrators.appoint(ada, 1, "Bea Wren", "bea@example.com")
    assert (new.account_id, new.roles, new.state) == (1, {Role.ACCOUNT_ADMINISTRATOR}, PersonState.INVITED)
    assert sent(services, "mail")[-1]["person"] == new.id
    bea = actor_of(let_in(services, new))
    session = services.access.sign_in("blue@example.com", PASSWORD, "")
    assert services.administrators.remove(bea, 1, 1).state is PersonState.DISABLED
    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(session.secret)
    assert [person.id for person in services.administrators.of_account(bea, 1)] == [new.id]


def test_the_last_administrator_is_not_removed_by_anybody(services: Services, ada: Actor, admin: Actor) -> None:
    before = snapshot(services)
    with pytest.raises(ConflictError, match="last Administrator"):
        services.administrators.remove(ada, 1, 1)
    with pytest.raises(ConflictError, match="last Administrator"):
        services.people.disable(admin, 1)
    assert snapshot(services) == before


def test_nobody_from_outside_appoints_or_removes(services: Services, ada: Actor, admin: Actor) -> None:
    stranger = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=2)
    roles = frozenset({Role.ACCOUNT_ADMINISTRATOR})
    services.people.disable(admin, services.administrators.appoint(ada, 1, "Bea", "bea@example.com").id)
    before = snapshot(services)
    for attempt in (
        lambda: services.administrators.appoint(stranger, 1, "Eve", "eve@example.com"),
        lambda: services.administrators.remove(stranger, 1, 1),
        lambda: services.administrators.remove(stranger, 2, 1),
        lambda: services.administrators.of_account(stranger, 1),
        lambda: services.administrators.appoint(admin, 1, "Eve", "eve@example.com"),
        lambda: services.administrators.remove(admin, 1, 1),
        lambda: services.people.invite(admin, "Eve", "eve@example.com", roles, 1),
        lambda: services.people.enable(admin, 2),
        lambda: services.administrators.appoint(someone(Role.SUPPORT), 1, "Eve", "eve@example.com"),
    ):
        with pytest.raises((ForbiddenError, NotFoundError)):
            attempt()
    assert snapshot(services) == before


@pytest.mark.parametrize("proof", sorted(RECOVERY_PROOFS))
def test_an_account_whose_administrator_is_gone_is_recovered_on_proof(
    services: Services, ada: Actor, admin: Actor, proof: ProofMethod
) -> None:
    support = replace(someone(Role.SUPPORT), reference="PE-77")
    session = services.access.sign_in("blue@example.com", PASSWORD, "")
    new = services.administrators.recover(support, 1, replace(LETTER, proof=proof))
    assert [person.id for person in services.administrators.of_account(support, 1)] == [new.id]
    assert services.people.get(admin, 1).state is PersonState.DISABLED
    with pytest.raises(UnauthenticatedError):
        services.access.actor_of_secret(session.secret)
    entry = services.audit.page(admin, 1, None, None)[0]
    assert (entry.action, entry.actor, entry.subject, entry.fields) == (
        "administrator:recover", "PE-77", new.reference, (proof,),
    )  # fmt: skip
    assert let_in(services, new).state is PersonState.ACTIVE


def test_one_who_never_took_their_invitation_up_needs_no_naming(services: Services, admin: Actor) -> None:
    Warehouse(services, admin).open_account()
    new = services.administrators.recover(someone(Role.SUPPORT), 1, replace(LETTER, gone=[]))
    assert [person.id for person in services.administrators.of_account(admin, 1)] == [1, new.id]


def test_who_loses_access_by_a_recovery_is_told(services: Services, ada: Actor) -> None:
    bea = let_in(services, services.administrators.appoint(ada, 1, "Bea Wren", "bea@example.com"))
    before = len(sent(services, "mail"))
    new = services.administrators.recover(someone(Role.SUPPORT), 1, replace(LETTER, gone=[1, bea.id]))
    invited, *told = sent(services, "mail")[before:]
    assert (invited["person"], [mail["person"] for mail in told]) == (new.id, [1, bea.id])
    assert all("AC-1" in mail["text"] and mail["link_for"] is None for mail in told)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"gone": []}, ConflictError),  # an active one is left
        ({"gone": [1, 99]}, InvalidError),
        ({"proof": min(PHONE_PROOFS - RECOVERY_PROOFS)}, InvalidError),
        ({"email": "blue@example.com"}, ConflictError),
        ({"name": ""}, InvalidError),
    ],
)
def test_a_recovery_that_is_none_changes_nothing(
    services: Services, ada: Actor, changed: dict[str, object], error: type[FleetError]
) -> None:
    before = snapshot(services)
    with pytest.raises(error):
        services.administrators.recover(someone(Role.SUPPORT), 1, replace(LETTER, **changed))  # type: ignore[arg-type]
    for actor in (ada, someone(Role.FINANCE), replace(someone(Role.SUPPORT), account_id=1)):
        with pytest.raises(ForbiddenError):
            services.administrators.recover(actor, 1, LETTER)
    assert snapshot(services) == before


def test_a_closed_account_gets_no_administrator(services: Services, ada: Actor, admin: Actor) -> None:
    services.accounts.close(admin, 1)
    before = snapshot(services)
    with pytest.raises(ConflictError, match="closed"):
        services.administrators.appoint(ada, 1, "Bea", "bea@example.com")
    with pytest.raises(ConflictError, match="closed"):
        services.administrators.recover(someone(Role.SUPPORT), 1, LETTER)
    assert snapshot(services) == before
