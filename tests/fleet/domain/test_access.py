"""Roles, permissions and scope: nobody gives rights they lack, and an Administrator sees one account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.domain.access import (
    ROLE_PERMISSIONS,
    ActorKind,
    ForbiddenError,
    Permission,
    Role,
    permissions_of,
    roles_of,
    system_actor,
    unit_actor,
)

SYSTEM = system_actor("scheduler")
VIEWER = replace(SYSTEM, kind=ActorKind.PERSON, reference="PE-1", permissions=permissions_of(frozenset({Role.VIEWER})))


def test_every_role_has_its_permissions_and_several_have_their_union() -> None:
    assert set(ROLE_PERMISSIONS) == set(Role)
    both = permissions_of(frozenset({Role.APPROVER, Role.FINANCE}))
    assert both == ROLE_PERMISSIONS[Role.APPROVER] | ROLE_PERMISSIONS[Role.FINANCE]
    assert permissions_of(frozenset()) == frozenset()


def test_who_lacks_a_permission_is_refused_by_its_name() -> None:
    VIEWER.require(Permission.UNIT_READ)
    with pytest.raises(ForbiddenError, match="needs account:manage; person PE-1 has it not"):
        VIEWER.require(Permission.ACCOUNT_MANAGE)
    assert not unit_actor("PT000000018").permissions


def test_nobody_rules_over_rights_they_lack() -> None:
    VIEWER.require_over(frozenset({Role.VIEWER}))
    SYSTEM.require_over(frozenset(Role))
    with pytest.raises(ForbiddenError, match=r"beyond the rights of person PE-1, which lacks .*rollout:approve"):
        VIEWER.require_over(frozenset({Role.APPROVER}))


def test_an_administrator_sees_their_account_alone() -> None:
    administrator = replace(VIEWER, account_id=7)
    assert [administrator.sees_account(account) for account in (7, 8, None)] == [True, False, False]
    assert all(VIEWER.sees_account(account) for account in (7, 8, None))


def test_nobody_of_an_account_changes_what_it_pays() -> None:
    # Where 911 is to go is theirs to say (ER 7), and costs nothing.
    allowed = ROLE_PERMISSIONS[Role.ACCOUNT_ADMINISTRATOR] - {Permission.LOCATION_MANAGE}
    assert not {p for p in allowed if p.endswith((":manage", ":publish", ":approve", ":receive", ":provision"))}


def test_a_token_has_the_roles_all_of_whose_rights_it_has() -> None:
    assert roles_of(SYSTEM) == frozenset(Role)
    assert Role.VIEWER in roles_of(VIEWER)
    assert Role.ADMIN not in roles_of(VIEWER)
    assert roles_of(unit_actor("PT000000018")) == frozenset()
