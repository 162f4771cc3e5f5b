"""The page of a rollout by groups: each group, the evidence, and whether it is looked at again."""

from __future__ import annotations

from dataclasses import replace

from starlette.testclient import TestClient

from fleet.domain.access import Actor
from fleet.domain.people import Person
from fleet.domain.references import Noun, number_of
from fleet.domain.rollout import RolloutState
from fleet.domain.rollout_plan import read_course
from fleet.services.build import Services
from fleet.store.rollout_groups import RolloutGroupRepository
from fleet.store.tables.rollouts import rollout_windows
from tests.fleet.console.test_console import make_rollout, page, sign_in


def test_a_rollout_by_groups_is_followed_on_its_page(
    browser: TestClient, services: Services, admin: Actor, ada: Person
) -> None:
    reference = make_rollout(services, admin, [], RolloutState.RUNNING)
    number = number_of(Noun.ROLLOUT, reference)
    plan = read_course({"group": [{"name": "canary", "up_to_percent": 2, "minimum_units": 30}, {"name": "rest"}]})
    with services.transactions.begin(admin) as uow:
        groups = RolloutGroupRepository(uow)
        groups.plan(number, plan)
        groups.open_group(number, 0, None)
        groups.name_revisions(number, ["simulated revision 1"])
        counted = {"treated": 20, "confirmed": 11, "treated_failed": 2, "held_back": 50, "held_back_failed": 1}
        row = {"rollout_id": number, "number": 0, "revision": "simulated revision 1"}
        uow.connection.execute(rollout_windows.insert().values(**row, **counted))
        groups.look(number)
        uow.commit()
    sign_in(browser)
    text = page(browser, f"/console/rollouts/{reference}")
    for shown in ("13 of 30 settled", 'max="30" value="13"', "not yet", "2 of 20", "1 of 50", "+8.00 points"):
        assert shown in text, shown
    assert 'data-live="3"' in text
    assert "/console/static/live.js" in text
    services.rollouts.stop(replace(admin, seen=None), number, "enough")
    ended = page(browser, f"/console/rollouts/{reference}")
    assert services.rollouts.get(admin, number).state is RolloutState.STOPPED
    assert "live.js" not in ended
    assert "data-live" not in ended
