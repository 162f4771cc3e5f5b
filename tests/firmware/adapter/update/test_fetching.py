"""In which order and from whom files are asked, and who may say what: mirrors, hash bins, one role under two others."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, MetaFile, Targets

from adapter.update.errors import ExpiredError, MismatchError, NetworkError, RollbackError, SignatureError, UpdateError
from adapter.update.fetching import find_target, refresh
from adapter.update.metadata import Bounds, TrustedSet
from tests.firmware.adapter.update.attacks import ATTACKS, Bend
from tests.firmware.adapter.update.repository import NOW, NOW_S, ROLE, BendableRepository, DictStore, new_key, serve

NAME = "simulated_1.0.0.img"
Files = dict[str, bytes]


def refreshed(
    repository: BendableRepository, store: DictStore, mirrors: list[Files | None] | None = None, **also: Any
) -> TrustedSet:
    """Refreshes down to the board's role."""
    files = mirrors or [repository.files]
    trusted = TrustedSet(store, repository.first_root, NOW_S)
    serve(refresh(trusted, len(files)), files, **also)
    serve(find_target(trusted, NAME, len(files)), files, **also)
    return trusted


def new_release(repository: BendableRepository) -> None:
    repository.add_image("1.1.0", 2)
    repository.publish(bump=("all",))


def test_one_server_is_asked_once_for_each_file(repository: BendableRepository, store: DictStore) -> None:
    asked: list[tuple[int, str]] = []
    refreshed(repository, store, asked=asked)
    names = ("2.root", "timestamp", "2.snapshot", "2.targets", f"2.{ROLE}")
    assert asked == [(0, f"metadata/{name}.json") for name in names]


@pytest.mark.parametrize("first", [None, {}], ids=["out of reach", "empty"])
def test_the_next_mirror_has_what_the_first_has_not(
    repository: BendableRepository, store: DictStore, first: Files | None
) -> None:
    trusted = refreshed(repository, store, [first, repository.files])
    assert trusted.timestamp.version == 2
    assert trusted.role_version(ROLE) == 2


def test_a_mirror_that_stands_still_holds_nobody_back(repository: BendableRepository, store: DictStore) -> None:
    """A freeze attack by the first mirror, long before anything of it expires: new root, timestamp, all below."""
    refreshed(repository, store)
    frozen = dict(repository.files)
    repository.next_root()
    new_release(repository)
    trusted = refreshed(repository, store, [frozen, repository.files])
    assert (trusted.root.version, trusted.timestamp.version, trusted.role_version(ROLE)) == (2, 3, 3)


def test_a_mirror_that_went_back_is_passed_over(repository: BendableRepository, store: DictStore) -> None:
    old = dict(repository.files)
    new_release(repository)
    refreshed(repository, store)
    assert refreshed(repository, store, [old, repository.files]).timestamp.version == 3
    with pytest.raises(RollbackError):
        refreshed(repository, store, [old, old])


def test_when_both_stand_still_expiry_ends_it(repository: BendableRepository, store: DictStore) -> None:
    refreshed(repository, store)
    before = dict(store)
    trusted = TrustedSet(store, repository.first_root, NOW_S + 40 * 86400)
    with pytest.raises(ExpiredError):
        serve(refresh(trusted, 2), [repository.files, repository.files])
    assert store == before


@pytest.mark.parametrize(("bend", "error", "moved"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
def test_when_both_lie_the_attack_ends_as_with_one(
    repository: BendableRepository, store: DictStore, bend: Bend, error: type[UpdateError], moved: set[str]
) -> None:
    refreshed(repository, store)
    before = dict(store)
    bend(repository)
    with pytest.raises(error) as raised:
        refreshed(repository, store, [repository.files, dict(repository.files)])
    assert raised.type is error
    assert {name for name in {*before, *store} if store.get(name) != before.get(name)} == moved


@pytest.mark.parametrize(
    "path", ["timestamp", "3.snapshot", "3.targets", f"3.{ROLE}", "2.root"], ids=lambda path: path.split(".")[-1]
)
@pytest.mark.parametrize("lie", [b"", b"{}", b" " * 9000], ids=["cut", "no metadata", "endless"])
def test_a_lie_of_one_mirror_about_any_file_does_no_harm(
    repository: BendableRepository, store: DictStore, path: str, lie: bytes
) -> None:
    refreshed(repository, store)
    repository.next_root()
    new_release(repository)
    liar = repository.files | {f"metadata/{path}.json": lie}
    for mirrors in ([liar, repository.files], [repository.files, liar]):
        fresh = DictStore(store)
        trusted = refreshed(repository, fresh, mirrors)
        assert (trusted.root.version, trusted.timestamp.version, trusted.role_version(ROLE)) == (2, 3, 3)


def test_the_first_error_is_told_when_no_mirror_is_good(repository: BendableRepository, store: DictStore) -> None:
    unsigned = dict(repository.files)
    unsigned["metadata/timestamp.json"] = unsigned["metadata/timestamp.json"].replace(b'"version":2', b'"version":3')
    with pytest.raises(SignatureError):
        refreshed(repository, store, [unsigned, {}])
    with pytest.raises(NetworkError):
        refreshed(repository, DictStore(), [{}, unsigned])
    assert not store


def test_a_root_served_once_more_changes_nothing(repository: BendableRepository, store: DictStore) -> None:
    """5.3.5: equal versions are no attack; the walk ends there."""
    refreshed(repository, store)
    before = dict(store)
    repository.files["metadata/2.root.json"] = repository.files["metadata/1.root.json"]
    assert refreshed(repository, store).root.version == 1
    assert store == before


def test_more_roots_than_the_bound_wait_for_the_next_refresh(repository: BendableRepository, store: DictStore) -> None:
    for _ in range(5):
        repository.next_root()
    bounds = Bounds(TrustedSet(store, repository.first_root, NOW_S).bounds.max_bytes, max_roots=3, max_roles=16)
    for expected in (4, 6, 6):
        trusted = TrustedSet(store, repository.first_root, NOW_S, bounds)
        serve(refresh(trusted), repository.files)
        assert trusted.root.version == expected


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_rotated_online_keys_drop_both_files_before_the_root_is_stored(
    repository: BendableRepository, store: DictStore, role: str
) -> None:
    """5.3.11; a power cut right after the root's write must not leave what a thief fast-forwarded."""
    refreshed(repository, store)
    repository.next_root(rotate=(role,))
    repository.publish(bump=("all",))
    events: list[str] = []

    class Watched(DictStore):
        def put(self, name: str, data: bytes) -> None:
            events.append(f"put {name}")
            super().put(name, data)

        def delete(self, name: str) -> None:
            events.append(f"delete {name}")
            super().delete(name)

    refreshed(repository, Watched(store))
    assert events[:3] == ["delete timestamp.json", "delete snapshot.json", "put root.json"]


def test_an_added_online_key_drops_nothing(repository: BendableRepository, store: DictStore) -> None:
    refreshed(repository, store)
    repository.root.add_key(new_key().public_key, "timestamp")
    repository.next_root()
    repository.timestamp.version -= 1
    repository.publish_timestamp()
    with pytest.raises(RollbackError):  # what is trusted still bars what is older
        refreshed(repository, store)


def delegate(
    repository: BendableRepository, parent: Targets, name: str, signers: list[Any], child: Targets, **role: Any
) -> None:
    """`parent` delegates to `name`, by all `signers`; the child's file is signed by the first."""
    if parent.delegations is None:
        parent.delegations = Delegations({}, roles={})
    assert parent.delegations.roles is not None
    for signer in signers:
        parent.delegations.keys[signer.public_key.keyid] = signer.public_key
    keyids = [signer.public_key.keyid for signer in signers]
    parent.delegations.roles[name] = DelegatedRole(name, keyids, role.pop("threshold", 1), False, **role)
    repository.files[f"metadata/1.{name}.json"] = repository.signed(child, signers[:1])
    repository.snapshot.meta[f"{name}.json"] = MetaFile(1)


def expiring() -> Targets:
    return Targets(version=1, expires=NOW + timedelta(days=9))


def found_role(trusted: TrustedSet, name: str, files: Files) -> str | None:
    found = serve(find_target(trusted, name), files)
    return None if found is None else str(found[0])


def test_a_role_counts_only_under_the_delegator_that_has_it_signed(
    repository: BendableRepository, store: DictStore
) -> None:
    """Two roles delegate to one of the same name by different keys; its file is signed for the first of them."""
    by_a, by_b, owner = new_key(), new_key(), new_key()
    shared = expiring()
    shared.targets = dict.fromkeys(("a/x", "b/x"), repository.board.targets[NAME])
    for parent, signer in (("a", by_a), ("b", by_b)):
        middle = expiring()
        delegate(repository, middle, "shared", [signer], shared, paths=[f"{parent}/*"])
        delegate(repository, repository.targets, parent, [owner], middle, paths=[f"{parent}/*"])
    repository.files["metadata/1.shared.json"] = repository.signed(shared, [by_a])
    repository.publish(bump=("all",))
    trusted = refreshed(repository, store)
    assert found_role(trusted, "a/x", repository.files) == "shared"
    before = store["shared.json"]
    with pytest.raises(SignatureError):
        found_role(trusted, "b/x", repository.files)
    with pytest.raises(SignatureError):  # neither from the store, in a refresh of its own
        found_role(refreshed(repository, store), "b/x", repository.files)
    assert store["shared.json"] == before
    repository.files["metadata/1.shared.json"] = repository.signed(shared, [by_a, by_b])
    both = refreshed(repository, DictStore())
    assert found_role(both, "a/x", repository.files) == found_role(both, "b/x", repository.files) == "shared"


def test_hash_bins_are_asked_by_the_digest_of_the_targets_name(
    repository: BendableRepository, store: DictStore
) -> None:
    signer = new_key()
    names = [f"bins/{count}.bin" for count in range(12)]
    for digit in "0123456789abcdef":
        content = expiring()
        mine = [name for name in names if sha256(name.encode()).hexdigest().startswith(digit)]
        content.targets = dict.fromkeys(mine, repository.board.targets[NAME])
        delegate(repository, repository.targets, f"bin-{digit}", [signer], content, path_hash_prefixes=[digit])
    repository.publish(bump=("all",))
    trusted = refreshed(repository, store)
    for name in names:
        asked: list[tuple[int, str]] = []
        found = serve(find_target(trusted, name), repository.files, asked=asked)
        assert found[0] == f"bin-{sha256(name.encode()).hexdigest()[0]}"
        assert len(asked) <= 1
    assert found_role(trusted, "bins/none", repository.files) is None


@pytest.mark.parametrize("signers", [1, 2])
def test_a_delegation_has_a_threshold_of_its_own(
    repository: BendableRepository, store: DictStore, signers: int
) -> None:
    keys = [new_key() for _ in range(3)]
    content = expiring()
    content.targets = {"two/x": repository.board.targets[NAME]}
    delegate(repository, repository.targets, "two", keys, content, paths=["two/*"], threshold=2)
    repository.files["metadata/1.two.json"] = repository.signed(content, keys[:signers])
    repository.publish(bump=("all",))
    trusted = refreshed(repository, store)
    if signers == 2:
        assert found_role(trusted, "two/x", repository.files) == "two"
    else:
        with pytest.raises(SignatureError):
            found_role(trusted, "two/x", repository.files)
        assert "two.json" not in store


@pytest.mark.parametrize("name", ["other_1.0.0.img", "simulated-2_1.0.0.img", "simulated_1.0.0/x.img"])
def test_a_role_names_nothing_outside_its_paths(repository: BendableRepository, store: DictStore, name: str) -> None:
    """Wrong software, extraneous dependency: the board's key signs for its own images, whatever it lists."""
    repository.board.targets[name] = repository.board.targets[NAME]
    repository.publish(bump=("all",))
    assert found_role(refreshed(repository, store), name, repository.files) is None


def test_no_more_roles_are_visited_than_the_bound(repository: BendableRepository, store: DictStore) -> None:
    parent, signer = repository.targets, new_key()
    chain = [expiring() for _ in range(20)]
    for depth, child in enumerate(chain):
        delegate(repository, parent, f"r{depth}", [signer], child, paths=["deep/*"])
        parent = child
    chain[-1].targets = {"deep/x": repository.board.targets[NAME]}
    for depth, child in enumerate(chain):
        repository.files[f"metadata/1.r{depth}.json"] = repository.signed(child, [signer])
    repository.publish(bump=("all",))
    trusted = refreshed(repository, store)
    asked: list[tuple[int, str]] = []
    assert serve(find_target(trusted, "deep/x"), repository.files, asked=asked) is None
    assert len(asked) == trusted.bounds.max_roles - 1  # targets itself was known


def test_a_role_that_the_snapshot_does_not_list_is_not_asked_for(
    repository: BendableRepository, store: DictStore
) -> None:
    delegate(repository, repository.targets, "unlisted", [new_key()], expiring(), paths=["unlisted/*"])
    del repository.snapshot.meta["unlisted.json"]
    repository.publish(bump=("all",))
    trusted = refreshed(repository, store)
    asked: list[tuple[int, str]] = []
    with pytest.raises(MismatchError, match="does not list unlisted"):
        serve(find_target(trusted, "unlisted/x"), repository.files, asked=asked)
    assert not asked


def test_of_the_roles_that_are_passed_through_none_stays_in_the_heap(
    repository: BendableRepository, store: DictStore
) -> None:
    """A board's role may have twelve parts, each as large as a file can be: the heap has room for one."""
    signer, parts = new_key(), [f"part-{number}" for number in range(12)]
    held: list[list[str]] = []

    class Asked(list[tuple[int, str]]):
        def append(self, get: tuple[int, str]) -> None:
            held.append([role for role in parts if is_held(trusted, role)])

    for part in parts:
        content = expiring()
        if part == parts[-1]:
            content.targets = {"parts/x": repository.board.targets[NAME]}
        delegate(repository, repository.targets, part, [signer], content, paths=["parts/*"])
    repository.publish(bump=("all",))
    trusted = refreshed(repository, store)
    found = serve(find_target(trusted, "parts/x"), repository.files, asked=Asked())
    assert found[0] == parts[-1]
    assert held == [[]] * 12
    assert [role for role in parts if is_held(trusted, role)] == parts[-1:]


def is_held(trusted: TrustedSet, role: str) -> bool:
    try:
        return bool(trusted.role_version(role))
    except KeyError:
        return False
