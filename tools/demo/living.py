"""The second half of the story: a good update, a bad one, a replacement, and what the customer would owe."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from tools.demo.making import OPERATOR_ZONE, plug_in
from tools.demo.world import World

UPDATE_TIMEOUT_S = 60.0
REFUSED_TIMEOUT_S = 75.0  # a unit that found no broker before waits up to a minute
REFUSAL = "broker refuses us"  # what the unit writes when CONNACK says so


def roll_out(world: World, version: str, targets: str | list[str]) -> str:
    """Create, approve (another person) and start a rollout; its id."""
    manager = world.people.release_manager.client
    wanted = {"release": version, "targets": targets, "pause_after_failures": 1}
    rollout: dict[str, Any] = manager.post_or_read("/v1/rollouts", wanted, lambda: manager.newest("/v1/rollouts"))
    name: str = rollout["id"]
    step(world, name, "approve")
    step(world, name, "start")
    return name


def step(world: World, rollout: str, verb: str) -> None:
    """One step of a rollout, by whoever may take it."""
    people = world.people
    (people.approver if verb == "approve" else people.release_manager).client.post_or_read(
        f"/v1/rollouts/{rollout}/{verb}", None, dict
    )


def good_update(world: World, version: str, serials: list[str]) -> None:
    """Everyone gets `version` and confirms it."""
    with world.narrator.step(f"Release {version} is rolled out to all; each adapter updates itself") as told:
        rollout = roll_out(world, version, "all")

        def confirmed() -> bool:
            seen = {unit["serial"]: unit["state"] for unit in _units(world, rollout)}
            return all(seen.get(serial) == "confirmed" for serial in serials)

        world.until(f"all confirmed {version}", confirmed, UPDATE_TIMEOUT_S)
        world.until("the rollout to finish", lambda: _rollout(world, rollout)["state"] == "finished", UPDATE_TIMEOUT_S)
        slots = {serial: world.boards[serial].pins().slot for serial in serials}
        versions = {world.unit(serial)["version"] for serial in serials}
        if versions == {version} and set(slots.values()) == {1}:
            told.see(
                f"{rollout} finished: {len(serials)} on {version}, now in slots {sorted(map(str, slots.values()))}"
            )


def bad_update(world: World, version: str, serial: str, before: str) -> None:
    """`version` fails its self-test on `serial`, which goes back to `before`; the rollout pauses."""
    with world.narrator.step(
        f"Release {version}, broken on purpose, goes to one adapter, which returns by itself"
    ) as told:
        rollout = roll_out(world, version, [serial])
        world.until("the rollout to pause", lambda: _rollout(world, rollout)["state"] == "paused", UPDATE_TIMEOUT_S)
        unit = next(unit for unit in _units(world, rollout) if unit["serial"] == serial)
        world.until(f"{serial} back on {before}", lambda: _runs(world, serial, before), UPDATE_TIMEOUT_S)
        reason = _rollout(world, rollout)["reason"]
        if unit["state"] == "reverted":
            told.see(
                f"{serial} is {unit['state']} ({unit['reason']}) and runs {before} again\n{rollout} paused: {reason}"
            )


def replace(world: World, old: str, new: str) -> None:
    """`old` is defective: an RMA sends `new` in advance; at its first registration `old` is refused."""
    people = world.people
    with world.narrator.step(f"{old} is reported defective; an RMA sends {new} in advance") as told:
        support, warehouse = people.support.client, people.warehouse.client
        name = send_replacement(world, old, new)
        rma = support.get(f"/v1/rmas/{name}")
        if (rma["decision"], rma["replacement"], rma["replacement_unit"]) == ("approved", "shipped", new):
            told.see(f"{name} {rma['decision']}, {new} {rma['replacement']}, {old} due back by {rma['due_on']}")
    board = world.boards[old]
    said_before = len(board.folder.log.read_text())
    plug_in(world, [new])
    with world.narrator.step(f"The old identity is refused from that moment, and {old} says so by its light") as told:
        see_refused(world, old, said_before)
        unit, light = world.unit(old), board.pins().led
        if unit["trust"] == "revoked" and world.unit(new)["service"] == "active":
            told.see(f"{old} is revoked; the broker threw it out and refuses it; its light shows {light}")
    with world.narrator.step(f"{old} comes back and is received") as told:
        world.boards[old].power_off()
        warehouse.post_or_read(f"/v1/rmas/{name}/receive", {"serial": old, "condition": "defective"}, dict)
        rma, term = support.get(f"/v1/rmas/{name}"), support.get(f"/v1/units/{new}/term")
        today = datetime.now(OPERATOR_ZONE).date()
        if rma["return"] == "received" and term["received_on"] == term["term_from"] == str(today):
            told.see(f"{name}: return {rma['return']}; the new minimum term of {new}: {_span(term)}")


def see_refused(world: World, serial: str, said_before: int) -> None:
    """Wait until it is not ready and has written, after so many letters of its log, that the broker refuses it."""
    board = world.boards[serial]
    world.until(
        f"{serial} told by the broker that it is refused",
        lambda: board.pins().state != "ready" and REFUSAL in board.folder.log.read_text()[said_before:],
        REFUSED_TIMEOUT_S,
    )


def send_replacement(world: World, old: str, new: str) -> str:
    """An RMA for a defect of `old` that sends `new` in advance; the RMA's name."""
    support, warehouse = world.people.support.client, world.people.warehouse.client
    defect = {"unit": old, "kind": "defect", "reason": "no dial tone"}
    name: str = support.post_or_read("/v1/rmas", defect, lambda: support.newest("/v1/rmas"))["id"]
    support.post_or_read(f"/v1/rmas/{name}/approve", None, dict)
    support.post_or_read(f"/v1/rmas/{name}/reserve", {"serial": new}, dict)
    parcel = {"carrier": "UPS", "tracking": "1Z999AA10123456785"}
    warehouse.post_or_read(f"/v1/rmas/{name}/ship", parcel, dict)
    return name


def quote(world: World, serials: list[str], replaced: str) -> list[dict[str, Any]]:
    """What ending service would cost today and on the day each term ends: the fee, then nothing; `replaced`: none."""
    today = datetime.now(OPERATOR_ZONE).date()
    rows = []
    right = True
    with world.narrator.step("What would it cost to end service? Today, and on the day each term ends") as told:
        now = {line["serial"]: line for line in _quote(world, today)}
        for serial in serials:
            line = now[serial]
            until = date.fromisoformat(line["term_until"]) if line["term_until"] else today
            then = next(each for each in _quote(world, until) if each["serial"] == serial)
            right = right and (line["fee_cents"] == 0) == (serial == replaced) and then["fee_cents"] == 0
            rows.append({"serial": serial, "today": _money(line), "term_until": str(until), "then": _money(then)})
        lines = [f"{row['serial']}  today {row['today']}, on {row['term_until']} {row['then']}" for row in rows]
        if right:
            told.see("\n".join(lines + [now[serial]["reason"] for serial in serials]))
    return rows


def _rollout(world: World, rollout: str) -> dict[str, Any]:
    found: dict[str, Any] = world.people.release_manager.client.get(f"/v1/rollouts/{rollout}")
    return found


def _units(world: World, rollout: str) -> list[dict[str, Any]]:
    units: list[dict[str, Any]] = _rollout(world, rollout)["units"]["items"]
    return units


def _runs(world: World, serial: str, version: str) -> bool:
    unit = world.unit(serial)
    return bool(unit["version"] == version and world.boards[serial].pins().state == "ready")


def _quote(world: World, on: date) -> list[dict[str, Any]]:
    answer = world.people.support.client.get(f"/v1/accounts/{world.account}/quote", date=on.isoformat())
    lines: list[dict[str, Any]] = answer["units"]
    return lines


def _money(line: dict[str, Any]) -> str:
    return f"${line['fee_cents'] / 100:.2f}"


def _span(term: dict[str, Any]) -> str:
    return f"{term['term_from']} to {term['term_until']}"
