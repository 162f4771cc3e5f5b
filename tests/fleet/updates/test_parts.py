"""A board's role in parts: what units search without gaps is accepted, all else refused, and nothing moves."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Targets

from fleet.updates.metadata import to_bytes
from protocol.host.role_parts import MAX_PARTS, PART_BYTES, parse_part, part_role, parts_of, record_name
from protocol.wire.image import ImageHeader
from protocol.wire.release import paths_of
from tests.fleet.release_owners import Owners, check_refused, make_image
from tools.release.record import ReleaseFacts, make_record, record_digest
from tools.release.sign import renew, sign_image

MOST_RELEASES = 25  # a part holds fewer, without deltas
FIRST, SECOND = "board-simulated", "board-simulated.2"


@pytest.fixture
def owners(owners: Owners) -> Owners:
    """A board whose role has two parts, both published."""
    owners.initialise()
    for counter in range(1, MOST_RELEASES + 1):
        owners.sign(f"1.0.{counter}", counter)
        if SECOND in owners.bundle.parts("simulated"):
            break
    owners.publish()
    return owners


def listed(owners: Owners, role: str) -> list[str]:
    return list(owners.bundle.require(role).signed.targets)


def test_names_of_parts_go_both_ways() -> None:
    for number in (1, 2, 10, 999):
        assert parse_part(part_role("esp32-poe", number)) == ("esp32-poe", number)
    for role in ("board-", "board-x.1", "board-x.02", "board-x.0", "board-x.1000", "board-X", "targets", "board-x.2.3"):
        assert parse_part(role) is None
    assert parts_of("x", ["board-x.10", "board-x.2", "board-y", "board-x", "targets"]) == [
        "board-x",
        "board-x.2",
        "board-x.10",
    ]


def test_every_part_fits_and_together_they_list_every_image(owners: Owners) -> None:
    sizes = owners.repository.parts()
    assert list(sizes) == [SECOND, FIRST], "the newest first"
    assert max(sizes.values()) <= PART_BYTES
    assert len(owners.repository.images()) == len(listed(owners, FIRST)) + len(listed(owners, SECOND)) > 15


def test_a_counter_rises_over_all_parts(owners: Owners) -> None:
    highest = max(target.custom["release_counter"] for target in owners.repository.images().values())
    owners.sign("2.0.0", highest + 1)
    name, stale = "simulated_2.0.0.img", make_image("2.0.0", highest - 1)
    record = make_record(name, stale, ImageHeader.unpack(stale), ReleaseFacts())

    def lower(signed: Targets) -> None:
        target = signed.targets[name]
        target.custom.update({"release_counter": highest - 1, "record": record_digest(record)})
        target.hashes["sha256"] = sha256(stale).hexdigest()

    files = owners.edited(SECOND, lower, FIRST, versions_on=0)
    check_refused(owners, files, {name: stale, record_name(name): record}, "each is higher than before")


def delegations_changed(owners: Owners, change: Callable[[Delegations], None]) -> dict[str, bytes]:
    """The next targets with other delegations, signed by the targets key."""
    return owners.edited("targets", lambda signed: change(signed.delegations), "targets")


def reverse(delegations: Delegations) -> None:
    delegations.roles = dict(reversed(list((delegations.roles or {}).items())))


def terminate(name: str, value: bool) -> Callable[[Delegations], None]:
    return lambda delegations: setattr((delegations.roles or {})[name], "terminating", value)


def repath(delegations: Delegations) -> None:
    (delegations.roles or {})[SECOND].paths = ["*"]


def without_metadata(delegations: Delegations) -> None:
    assert delegations.roles is not None
    third = DelegatedRole(
        "board-simulated.3", delegations.roles[FIRST].keyids, 1, terminating=False, paths=paths_of("simulated")
    )
    delegations.roles = {third.name: third} | delegations.roles


def too_many(delegations: Delegations) -> None:
    assert delegations.roles is not None
    keyids = delegations.roles[FIRST].keyids
    parts = {
        name: DelegatedRole(name, keyids, 1, terminating=False, paths=paths_of("simulated"))
        for name in (part_role("simulated", number) for number in range(MAX_PARTS + 1, 2, -1))
    }
    delegations.roles = parts | delegations.roles


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (reverse, "newest first"),
        (terminate(SECOND, True), "only the oldest"),
        (terminate(FIRST, False), "only the oldest"),
        (repath, "none a unit knows"),
        (without_metadata, "missing from the publication"),
    ],
)
def test_delegations_that_would_hide_images_are_refused(
    owners: Owners, change: Callable[[Delegations], None], match: str
) -> None:
    check_refused(owners, delegations_changed(owners, change), {}, match)


def test_more_parts_than_a_unit_searches_are_refused(owners: Owners) -> None:
    files = delegations_changed(owners, too_many)
    for number in range(3, MAX_PARTS + 2):
        part: Metadata[Any] = Metadata(Targets(version=1, expires=owners.bundle.require(FIRST).signed.expires))
        part.sign(owners.keys.signer(FIRST))
        files[f"1.board-simulated.{number}.json"] = to_bytes(part)
    check_refused(owners, files, {}, f"{MAX_PARTS + 1} parts")


def test_a_name_in_two_parts_is_refused(owners: Owners) -> None:
    (name, *_) = listed(owners, FIRST)
    target = owners.bundle.require(FIRST).signed.targets[name]
    files = owners.edited(SECOND, lambda signed: signed.targets.update({name: target}), FIRST)
    check_refused(owners, files, {}, "another part lists too")


def test_a_part_that_lists_nothing_is_dropped_and_its_number_never_used_again(owners: Owners) -> None:
    versions = [name.removeprefix("simulated_").removesuffix(".img") for name in listed(owners, FIRST)]
    counter = 1000
    sign_image(owners.bundle, owners.keys, make_image("3.0.0", counter), owners.now, retire=versions)
    renew(owners.bundle, owners.keys, "targets", owners.now)
    owners.publish()
    assert list(owners.repository.parts()) == [SECOND]
    roles = {each.role for each in owners.repository.status()}
    assert FIRST in roles, "snapshots go on listing it, as clients demand (TUF 5.5.5)"
    (delegation,) = [r for r in owners.bundle.require("targets").signed.delegations.roles.values() if r.name == SECOND]
    assert delegation.terminating
    for _ in range(MOST_RELEASES):
        counter += 1
        owners.sign(f"3.0.{counter}", counter)
    owners.publish()
    assert list(owners.repository.parts()) == ["board-simulated.3", SECOND]
    owners.repository.renew(owners.now)


def test_a_dropped_part_takes_nothing_new(owners: Owners) -> None:
    versions = [name.removeprefix("simulated_").removesuffix(".img") for name in listed(owners, FIRST)]
    sign_image(owners.bundle, owners.keys, make_image("3.0.0", 1000), owners.now, retire=versions)
    renew(owners.bundle, owners.keys, "targets", owners.now)
    owners.publish()
    files = owners.edited(FIRST, lambda signed: None, FIRST)
    check_refused(owners, files, {}, "not signed as targets demands")
