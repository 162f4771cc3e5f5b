"""The release commands, from bare folders to a rollout that finishes, against a running service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fleet.domain.access import Role
from fleet.domain.errors import ConflictError
from fleet.services.build import Services
from fleet.services.ingest import GATEWAY
from fleet.store.heartbeats import HeartbeatRepository
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.tables.equipment import heartbeats
from tests.fleet.conftest import Clock, someone
from tests.fleet.release_owners import tree
from tests.fleet.services.fleet_of_units import FakeUnit, put_in_service
from tests.tools.release.desk import RUNNER, done, image_file, initialised, release
from tools.release import rollout

PLAN = Path(__file__).parent.parent.parent.parent / "docs" / "rollout-plan.toml"


def rolled(*arguments: str) -> Any:
    result = RUNNER.invoke(rollout.app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout.splitlines()[-1])


def test_from_bare_folders_to_a_finished_rollout(
    desk: Path, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialised(desk)
    assert done("publish", "--bundle", "releases") == {"releases": []}
    signed = done("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    assert signed == {"target": "simulated_1.0.0.img", "role": "board-simulated", "deltas": {}, "warning": None}
    assert [each["version"] for each in done("publish", "--bundle", "releases", "--notes", "x")["releases"]] == [
        "1.0.0"
    ]
    assert done("publish", "--bundle", "releases") == {"releases": []}
    assert [each["notes"] for each in done("list")] == ["x"]

    (serial,) = put_in_service(services, 1, clock.now)
    unit = FakeUnit(services, serial)
    unit.register()
    clock.advance(seconds=1)
    made = rolled("create", "1.0.0", "--unit", serial)
    assert made["state"] == "waiting_for_approval"
    manager = services.access.issue_host_token("approver", Role.APPROVER).secret
    with monkeypatch.context() as other:
        other.setenv("PLUGTONE_TOKEN", manager)
        assert rolled("approve", "RO-1")["state"] == "ready"
    assert rolled("start", "RO-1")["state"] == "running"
    assert rolled("pause", "RO-1", "--reason", "lunch")["reason"] == "lunch"
    assert rolled("resume", "RO-1")["state"] == "running"
    unit.heartbeat()
    unit.report("confirmed")
    assert rolled("watch", "RO-1")["state"] == "finished"
    assert [each["state"] for each in rolled("show", "RO-1")["units"]] == ["confirmed"]
    shown = RUNNER.invoke(rollout.app, ["show", "RO-1"]).stdout
    assert "RO-1 release 1.0.0 to listed units is finished: 1 of 1 confirmed, 0 failed" in " ".join(shown.split())


def test_a_rollout_has_an_earliest_restart_and_a_deadline(desk: Path, services: Services, clock: Clock) -> None:
    initialised(desk)
    done("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    done("publish", "--bundle", "releases")
    put_in_service(services, 1, clock.now)
    times = ("--not-before", "2026-03-05T02:00Z", "--deadline", "2026-03-09T02:00Z")
    made = rolled("create", "1.0.0", *times)
    assert (made["not_before"], made["deadline"]) == ("2026-03-05T02:00:00Z", "2026-03-09T02:00:00Z")
    result = RUNNER.invoke(rollout.app, ["create", "1.0.0", "--deadline", "2026-03-09T02:00"])
    assert result.exit_code == 1
    assert "timezone" in str(result.exception)


def test_a_rollout_says_how_units_take_it(desk: Path, services: Services, clock: Clock) -> None:
    initialised(desk)
    done("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    done("sign", image_file(desk, "1.0.1", 2), "--security", "--keys", "keys", "--bundle", "releases")
    done("publish", "--bundle", "releases")
    put_in_service(services, 1, clock.now)
    for mode in ("soft", "forced", "download_only"):
        made = rolled("create", "1.0.0", "--mode", mode)
        assert (made["mode"], made["urgent"]) == (mode, False)
    made = rolled("create", "1.0.1", "--urgent")
    assert (made["mode"], made["urgent"]) == ("forced", True)
    shown = [" ".join(RUNNER.invoke(rollout.app, ["show", f"RO-{n}"]).stdout.split()) for n in (1, 2, 3, 4)]
    for how, text in zip(("", ", forced,", ", download only,", ", urgent,"), shown, strict=True):
        assert f"to all units{how} is waiting_for_approval" in text
    result = RUNNER.invoke(rollout.app, ["create", "1.0.0", "--urgent"])
    assert "not signed as one (--security): simulated_1.0.0.img" in str(result.exception)
    assert RUNNER.invoke(rollout.app, ["create", "1.0.0", "--mode", "hard"]).exit_code == 2


def test_a_rollout_goes_by_the_groups_of_a_plan(desk: Path, services: Services, clock: Clock) -> None:
    initialised(desk)
    done("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    done("publish", "--bundle", "releases")
    put_in_service(services, 1, clock.now)
    assert rolled("create", "1.0.0", "--plan", str(PLAN))["targets"] == "all"
    course = rolled("show", "RO-1")["course"]
    assert [group["name"] for group in course["groups"]][:2] == ["canary", "first hundreds"]
    assert course["due"] == {
        "at": "2026-03-16T15:00:00Z", "event": "stop", "reason": "nobody approved it in 14 days",
    }  # fmt: skip
    rows = [" ".join(row.split()) for row in RUNNER.invoke(rollout.app, ["show", "RO-1"]).stdout.splitlines()]
    assert "canary not yet" in rows
    said = "it pauses: group canary wants 100 units, and about 0 of its 0 units are there"
    assert (rows[-2:], rolled("show", "RO-1")["forecast"]["reason"]) == (["If all goes well:", said], said[11:])


def test_a_rollout_says_when_it_will_be_over(desk: Path, services: Services, clock: Clock) -> None:
    initialised(desk)
    done("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    done("publish", "--bundle", "releases")
    (serial,) = put_in_service(services, 1, clock.now)
    FakeUnit(services, serial).register()
    with services.transactions.begin(GATEWAY) as uow:
        row = dict.fromkeys(heartbeats.columns.keys(), 0) | {"serial": serial, "received_at": clock.now}
        HeartbeatRepository(uow).save([row])
        uow.commit()
    (desk / "plan.toml").write_text('[[group]]\nname = "all"\nsoak_hours = 3\n')
    rolled("create", "1.0.0", "--plan", "plan.toml", "--mode", "forced")
    shown = RUNNER.invoke(rollout.app, ["show", "RO-1"]).stdout
    assert "2026-03-02 15:00 UTC to 2026-03-02 19:00 UTC  all, about 1 unit" in shown
    assert "  over 2026-03-02 19:00 UTC" in shown
    services.rollouts.stop(someone(Role.RELEASE_MANAGER), 1, "")
    assert rolled("show", "RO-1")["forecast"] is None
    with pytest.raises(ConflictError, match="RO-1 is stopped; there is nothing to foretell"):
        services.rollouts.forecast(someone(Role.RELEASE_MANAGER), 1)


def test_a_unit_that_kept_failing_is_let_out(desk: Path, services: Services, clock: Clock) -> None:
    (serial,) = put_in_service(services, 1, clock.now)
    with services.transactions.begin(GATEWAY) as uow:
        RolloutGateRepository(uow).note_failure(serial)
        uow.commit()
    assert rolled("let-out", serial) == {"serial": serial}
    result = RUNNER.invoke(rollout.app, ["let-out", serial])
    assert f"{serial} has no failed update since" in str(result.exception)


def test_what_is_no_plan_is_refused_with_its_place(desk: Path) -> None:
    (desk / "plan.toml").write_text("[[group]]\nsoak = 3\n")
    result = RUNNER.invoke(rollout.app, ["create", "1.0.0", "--plan", "plan.toml"])
    assert "group 1 has soak, which nobody knows" in str(result.exception)
    (desk / "plan.toml").write_text("[[group")
    result = RUNNER.invoke(rollout.app, ["create", "1.0.0", "--plan", "plan.toml"])
    assert "plan.toml is no plan" in str(result.exception)
    assert "see docs/rollout-plan.toml" in str(result.exception)


def test_the_author_s_own_approval_is_refused(desk: Path, services: Services, clock: Clock) -> None:
    initialised(desk)
    done("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    done("publish", "--bundle", "releases")
    put_in_service(services, 1, clock.now)
    rolled("create", "1.0.0")
    result = RUNNER.invoke(rollout.app, ["approve", "RO-1"])
    assert result.exit_code == 1
    assert "rollout:approve" in str(result.exception)


def test_a_signature_needs_the_right_passphrase_and_leaves_the_bundle_as_it_was(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialised(desk)
    before = tree(desk / "releases")
    monkeypatch.setenv("PLUGTONE_KEY_PASSPHRASE", "wrong horse")
    result = release("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    assert result.exit_code == 1
    assert "check the passphrase" in str(result.exception)
    assert "wrong horse" not in str(result.exception) + result.output
    assert tree(desk / "releases") == before


@pytest.mark.parametrize(
    ("version", "counter", "match"),
    [("1.0.0", 9, "signed already"), ("1.0.1", 1, "not above 1"), ("1_1", 3, "cannot name a target")],
)
def test_what_units_would_refuse_is_not_signed(desk: Path, version: str, counter: int, match: str) -> None:
    initialised(desk)
    done("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    before = tree(desk / "releases")
    result = release("sign", image_file(desk, version, counter), "--keys", "keys", "--bundle", "releases")
    assert match in str(result.exception)
    assert tree(desk / "releases") == before


def test_a_full_role_goes_on_in_a_new_part_which_needs_the_targets_key(desk: Path) -> None:
    initialised(desk)
    (desk / "keys/targets.pem").rename(desk / "targets.pem")
    counter, warnings = 0, []
    while True:
        counter += 1
        image = image_file(desk, f"1.{counter}.0", counter)
        result = release("sign", image, "--keys", "keys", "--bundle", "releases", "--no-deltas", "--json")
        if result.exit_code:
            break
        warnings.append(json.loads(result.stdout)["warning"])
    assert counter > 15
    assert warnings[0] is None
    assert "have the targets key at hand" in warnings[-3]
    assert "whose key is not here" in str(result.exception)
    done("sign", image, "--keys", "keys", "--bundle", "releases", "--no-deltas", "--retire", "1.1.0")
    (desk / "targets.pem").rename(desk / "keys/targets.pem")
    image = image_file(desk, "2.0.0", counter + 1)
    assert done("sign", image, "--keys", "keys", "--bundle", "releases")["role"] == "board-simulated.2"
    assert len(done("publish", "--bundle", "releases")["releases"]) == counter
    low = image_file(desk, "2.0.1", counter)
    assert "is not above" in str(release("sign", low, "--keys", "keys", "--bundle", "releases").exception)
    shown = [each["role"] for each in done("status", "--bundle", "releases")["roles"]]
    assert sorted(shown) == ["board-simulated", "board-simulated.2", "root", "targets"]


def test_keys_are_encrypted_private_and_never_made_anew(desk: Path) -> None:
    initialised(desk)
    before = tree(desk / "keys")
    names = ["board-simulated", "root-1", "root-2", "root-3", "targets"]
    assert sorted(before) == sorted(f"{name}.{end}" for name in names for end in ("json", "pem"))
    assert all(b"BEGIN ENCRYPTED PRIVATE KEY" in data for name, data in before.items() if name.endswith(".pem"))
    assert not any(b"PRIVATE" in data for name, data in before.items() if name.endswith(".json"))
    assert {path.stat().st_mode & 0o777 for path in (desk / "keys").iterdir()} == {0o600}
    assert done("keys", "create", "keys", "--board", "simulated") == {"made": []}
    assert tree(desk / "keys") == before
    result = release("init", "--keys", "keys", "--bundle", "releases", "--board", "simulated")
    assert "initialised once" in str(result.exception)


def test_two_of_three_root_keys_sign_and_one_waits_for_another(desk: Path) -> None:
    initialised(desk)
    (desk / "keys/root-1.pem").rename(desk / "root-1.pem")
    assert done("renew", "root", "--keys", "keys", "--bundle", "releases") == {"signed": ["2.root.json"]}
    (desk / "keys/root-2.pem").rename(desk / "root-2.pem")
    waiting = done("renew", "root", "--keys", "keys", "--bundle", "releases")
    assert [(each["role"], each["needed"]) for each in waiting["missing"]] == [("root", 1), ("root", 1)]
    assert not (desk / "releases/metadata/3.root.json").exists()
    before = tree(desk / "releases")
    result = release("renew", "root", "--keys", "keys", "--bundle", "releases")
    assert "waits for signatures" in str(result.exception)
    assert tree(desk / "releases") == before


def test_an_old_copy_of_the_bundle_is_not_published(desk: Path) -> None:
    initialised(desk)
    done("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    done("publish", "--bundle", "releases")
    (desk / "releases/metadata/2.board-simulated.json").unlink()
    result = release("publish", "--bundle", "releases")
    assert "it is an old copy" in str(result.exception)


def test_keys_from_a_file_need_no_fleet(desk: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk / "update-keys.json").write_text(json.dumps(services.repository.keys.public()))
    monkeypatch.delenv("PLUGTONE_TOKEN")
    done("keys", "create", "keys", "--board", "simulated")
    arguments = ("init", "--keys", "keys", "--out", "releases", "--board", "simulated")
    assert done(*arguments, "--update-keys", "update-keys.json")["signed"][0] == "1.root.json"


def test_a_real_image_is_built_signed_and_published(desk: Path) -> None:
    initialised(desk)
    built = done("build", "--board", "simulated", "--version", "1.0.0", "--counter", "1", "--out", "1.0.0.img")
    assert built["bytes"] == (desk / "1.0.0.img").stat().st_size > 10_000
    done("sign", "1.0.0.img", "--keys", "keys", "--bundle", "releases")
    (published,) = done("publish", "--bundle", "releases")["releases"]
    assert published["images"][0]["length"] == built["bytes"]
