"""Changes that harm accounts, over HTTP: told to their Administrators, who may end service over them."""

from __future__ import annotations

import datetime

from pydantic import BaseModel, Field

from fleet.api.fields import ReferenceField, WhyField
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.references import Noun, number_of
from fleet.services.waivers import MAX_ACCOUNTS
from fleet.store.change_notices import ChangeNotice

router = PermittedRouter(tags=["accounts"])


class ChangeNoticeIn(BaseModel):
    """`accounts`: whom it harms; all that have service if not given."""

    text: WhyField
    takes_effect_on: datetime.date
    accounts: list[ReferenceField] | None = Field(default=None, min_length=1, max_length=MAX_ACCOUNTS)


class ChangeNoticeOut(BaseModel):
    id: str
    text: str
    takes_effect_on: datetime.date
    told_at: datetime.datetime


def present_change(change: ChangeNotice) -> ChangeNoticeOut:
    """A change as the API shows it."""
    takes_effect_on, told_at = change.takes_effect_on, change.told_at
    return ChangeNoticeOut(id=change.reference, text=change.text, takes_effect_on=takes_effect_on, told_at=told_at)


@router.post("/v1/change-notices", permission=Permission.POLICY_MANAGE, status_code=201)
def tell(body: ChangeNoticeIn, actor: ActorDep, services: ServicesDep) -> ChangeNoticeOut:
    """Tell Administrators of a change that harms their accounts."""
    accounts = None if body.accounts is None else [number_of(Noun.ACCOUNT, each) for each in body.accounts]
    return present_change(services.waivers.tell(actor, body.text, body.takes_effect_on, accounts))


@router.get("/v1/change-notices", permission=Permission.ACCOUNT_READ)
def list_changes(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[ChangeNoticeOut]:
    """The changes in one's scope."""
    found = services.waivers.page(actor, page.limit + 1, page.after_id)
    return make_page(found, page.limit, lambda change: change.id, present_change)
