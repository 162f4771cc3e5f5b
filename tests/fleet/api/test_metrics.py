"""Figures for Prometheus: read back by its own parser, cheap, and without a name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, insert
from starlette.testclient import TestClient

from fleet.domain.access import Role
from fleet.domain.rollout import RolloutEvent, UnitState
from fleet.services.build import Services
from fleet.services.jobs import Job, Jobs
from fleet.services.rollout_steps import step
from fleet.store import figures
from fleet.store.rollouts import RolloutRepository
from fleet.store.tables.releases import releases
from fleet.store.tables.rollouts import rollout_evidence, rollout_windows, rollouts
from tests.fleet.api.conftest import Bearer
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.fleet_of_units import put_in_service

OF_EACH_UNIT = ("units", "rollout_units", "running_images", "heartbeats", "rollout_watches", "configurations")
WINDOW = {"rollout_id": 1, "number": 0, "revision": "simulated revision 1"}
COUNTS = {"treated": 8, "confirmed": 5, "treated_failed": 2, "held_back": 3, "held_back_failed": 1}
SEEN = '{"scores": [0, 0, 0, 0, 0, 0], "charges": [0, 0, 0, 0, 0, 0], "windows": {}}'

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(client: TestClient, bearer: Bearer) -> Figures:
    answer = client.get("/metrics", headers=bearer(Role.MONITOR))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(each.name, tuple(sorted(each.labels.items()))): each.value for one in families for each in one.samples}


def value(found: Figures, name: str, **labels: str) -> float:
    return found[f"plugtone_{name}", tuple(sorted(labels.items()))]


@pytest.fixture
def rollout(services: Services, clock: Clock) -> str:
    """A rollout to three units that waits for approval; one of them failed."""
    serials = put_in_service(services, 3, clock.now)
    with services.transactions.begin(someone(Role.ADMIN)) as uow:
        row = {"version": "2.0.0", "notes": "", "published_by": "PE-1", "published_at": uow.now}
        release = uow.connection.execute(insert(releases).values(row).returning(releases.c.id)).scalar_one()
        store = RolloutRepository(uow)
        rollout = step(uow, store.add(release, serials, 1, "PE-1"), RolloutEvent.SUBMIT)
        store.move(rollout.id, serials[0], UnitState.FAILED, "disk")
        uow.connection.execute(insert(rollout_windows).values(**WINDOW, **COUNTS))
        uow.connection.execute(insert(rollout_evidence).values(rollout_id=1, revision=WINDOW["revision"], seen=SEEN))
        uow.connection.execute(rollouts.update().values(plan="{}"))
        uow.commit()
    return rollout.reference


def test_rollouts_and_groups_are_told(client: TestClient, bearer: Bearer, rollout: str) -> None:
    found = scrape(client, bearer)
    assert value(found, "rollouts", state="waiting_for_approval") == 1
    assert value(found, "rollouts", state="running") == 0
    assert value(found, "rollout_expected_units", rollout=rollout) == 3
    assert value(found, "rollout_units", rollout=rollout, state="failed") == 1
    assert value(found, "rollout_units", rollout=rollout, state="waiting") == 2
    shown = {"assigned": 8, "confirmed": 5, "failed": 2, "held_back": 3}
    for name, count in shown.items():
        assert value(found, "rollout_group_units", **{"rollout": rollout, "group": "0", "is": name}) == count
    assert value(found, "rollout_excess_ratio", rollout=rollout, revision="simulated revision 1") == 0
    assert value(found, "update_orders_total") == 0


def test_outbox_and_jobs_are_told(
    client: TestClient, bearer: Bearer, services: Services, rollout: str, clock: Clock
) -> None:
    def broken(_actor: object) -> None:
        raise ArithmeticError

    Jobs(services.transactions, [Job("a job", timedelta(minutes=1), broken)]).run_due(lambda *_: None)
    clock.advance(minutes=5)
    found = scrape(client, bearer)
    assert value(found, "outbox_waiting", kind="webhook") == 1
    assert value(found, "outbox_late_seconds", kind="webhook") == 300
    assert value(found, "job_late_seconds", job="a job") == 240
    assert value(found, "job_failures", job="a job") == 1


def test_a_scrape_never_looks_at_the_fleet(
    client: TestClient, bearer: Bearer, services: Services, rollout: str
) -> None:
    asked: list[str] = []
    headers = bearer(Role.MONITOR)
    listener = (services.transactions.engine, "before_cursor_execute", lambda *a: asked.append(f"{a[2]} "))
    event.listen(*listener)
    answer = client.get("/metrics", headers=headers)
    event.remove(*listener)
    assert len(asked) > 8
    for table in OF_EACH_UNIT:
        assert not [each for each in asked if f"FROM {table} " in each or f"JOIN {table} " in each], table
    assert "PT0" not in answer.text


def test_only_so_many_rollouts_are_told_of_one_by_one(
    client: TestClient, bearer: Bearer, services: Services, rollout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MAX_ROLLOUTS", 3)
    with services.transactions.begin(someone(Role.ADMIN)) as uow:
        for _ in range(5):
            step(uow, RolloutRepository(uow).add(1, (), 1, "PE-1"), RolloutEvent.STOP)
        uow.commit()
    found = scrape(client, bearer)
    told = {labels[0][1] for name, labels in found if name == "plugtone_rollout_expected_units"}
    assert told == {rollout, "RO-6", "RO-5"}, "the one without an end, and the newest"
    assert value(found, "rollouts", state="stopped") == 5


def test_a_token_for_figures_reads_nothing_else(client: TestClient, bearer: Bearer) -> None:
    assert client.get("/v1/units", headers=bearer(Role.MONITOR)).status_code == 403
    assert client.get("/metrics", headers=bearer(Role.SUPPORT)).status_code == 403
    assert client.get("/metrics").status_code == 401
