"""The trusted set against a repository that lies: each attack names its error, and nothing stored moves."""

from __future__ import annotations

import json

import pytest
from tuf.api.metadata import DelegatedRole, MetaFile, Targets

from adapter.update.errors import (
    ExpiredError,
    MismatchError,
    SignatureError,
    UpdateError,
)
from adapter.update.fetching import find_target, refresh
from adapter.update.metadata import TrustedSet
from adapter.update.strict_json import Value
from tests.conftest import RunMicroPython
from tests.firmware.adapter.update.attacks import ATTACKS, STORED, Bend
from tests.firmware.adapter.update.repository import (
    NOW_S,
    ROLE,
    BendableRepository,
    DictStore,
    assigned_repository,
    new_key,
    serve,
)


def refreshed(repository: BendableRepository, store: DictStore, now_s: int = NOW_S) -> TrustedSet:
    trusted = TrustedSet(store, repository.first_root, now_s)
    serve(refresh(trusted), repository.files)
    return trusted


def fully_refreshed(repository: BendableRepository, store: DictStore) -> None:
    """Down to the board's role."""
    serve(find_target(refreshed(repository, store), "simulated_1.0.0.img"), repository.files)


def test_a_good_repository_is_trusted_and_stored(repository: BendableRepository, store: DictStore) -> None:
    trusted = refreshed(repository, store)
    role, target = serve(find_target(trusted, "simulated_1.0.0.img"), repository.files)
    assert role == ROLE
    assert target["length"].number() == repository.board.targets["simulated_1.0.0.img"].length
    assert trusted.role_version(ROLE) == 2
    assert set(store) == STORED | {f"{ROLE}.json"}


@pytest.mark.parametrize("compact", [True, False])
def test_the_form_of_the_json_does_not_matter(repository: BendableRepository, store: DictStore, compact: bool) -> None:
    repository.publish(bump=("all",), compact=compact)
    assert refreshed(repository, store).timestamp.version == 3


def test_a_target_no_role_lists_is_not_found(repository: BendableRepository, store: DictStore) -> None:
    trusted = refreshed(repository, store)
    assert serve(find_target(trusted, "simulated_9.img"), repository.files) is None
    assert serve(find_target(trusted, "other_1.0.0.img"), repository.files) is None


def test_nothing_new_needs_only_root_and_timestamp(repository: BendableRepository, store: DictStore) -> None:
    fully_refreshed(repository, store)
    before = dict(store)
    few = {name: data for name, data in repository.files.items() if name == "metadata/timestamp.json"}
    trusted = TrustedSet(store, repository.first_root, NOW_S)
    serve(refresh(trusted), few)
    assert serve(find_target(trusted, "simulated_1.0.0.img"), few) is not None
    assert store == before


def test_roots_are_walked_one_by_one_and_stored(repository: BendableRepository, store: DictStore) -> None:
    for _ in range(3):
        repository.next_root(rotate=("root", "timestamp"))
    repository.publish(bump=("all",))
    assert refreshed(repository, store).root.version == 4
    assert store["root.json"] == repository.files["metadata/4.root.json"]
    del repository.files["metadata/2.root.json"]  # the stored root is where the next walk starts
    assert refreshed(repository, store).root.version == 4


def test_a_fast_forward_ends_with_new_online_keys(repository: BendableRepository, store: DictStore) -> None:
    repository.timestamp.version = repository.snapshot.version = 2**31
    repository.publish()
    refreshed(repository, store)
    repository.next_root(rotate=("timestamp", "snapshot"))
    repository.timestamp.version = repository.snapshot.version = 5
    repository.publish()
    assert refreshed(repository, store).timestamp.version == 5


def test_a_revoked_targets_key_ends_the_trust_in_what_is_stored(
    repository: BendableRepository, store: DictStore
) -> None:
    refreshed(repository, store)
    repository.next_root(rotate=("targets",))
    with pytest.raises(SignatureError):  # same versions and hashes as before, signed by the revoked key
        refreshed(repository, store)
    repository.publish(bump=("targets", "snapshot", "timestamp"))
    assert refreshed(repository, store).role_version("targets") == 3


def test_damaged_files_in_the_store_are_fetched_again(repository: BendableRepository, store: DictStore) -> None:
    repository.next_root()
    fully_refreshed(repository, store)
    whole = dict(store)
    for name in whole:
        store.put(name, whole[name][:-7] + b"garbage")
        fully_refreshed(repository, store)
        assert store == whole


@pytest.mark.parametrize(("bend", "error", "moved"), [attack[1:] for attack in ATTACKS], ids=[a[0] for a in ATTACKS])
def test_an_attack_ends_in_its_error_and_moves_nothing(
    repository: BendableRepository, store: DictStore, bend: Bend, error: type[UpdateError], moved: set[str]
) -> None:
    fully_refreshed(repository, store)
    before = dict(store)
    bend(repository)
    with pytest.raises(error) as raised:
        fully_refreshed(repository, store)
    assert raised.type is error
    assert {name for name in {*before, *store} if store.get(name) != before.get(name)} == moved


SCRIPT = """
import json, sys
from adapter.update.errors import NetworkError, UpdateError
from adapter.update.fetching import find_target, refresh
from adapter.update.metadata import TrustedSet

class Store(dict):
    def put(self, name, data):
        self[name] = data
    def delete(self, name):
        self.pop(name, None)

def serve(job, files):
    try:
        get = next(job)
        while True:
            data = files.get(get.path)
            if data is not None and len(data) > get.max_bytes:
                get = job.throw(NetworkError("endless"))
            else:
                get = job.send(data)
    except StopIteration:
        return

def refreshed(store, first_root, files):
    trusted = TrustedSet(store, first_root, int(sys.argv[1]))
    serve(refresh(trusted), files)
    serve(find_target(trusted, "simulated_1.0.0.img"), files)

for line in sys.stdin:
    before, after = [{k: v.encode() for k, v in files.items()} for files in json.loads(line)]
    store = Store()
    first_root = before["metadata/1.root.json"]
    refreshed(store, first_root, before)
    good = {name: store[name] for name in store}
    try:
        refreshed(store, first_root, after)
        print("accepted")
    except UpdateError as error:
        print(type(error).__name__, *sorted([n for n in list(good) + list(store) if good.get(n) != store.get(n)]))
"""


def test_micropython_ends_every_attack_the_same(micropython: RunMicroPython) -> None:
    def served(repository: BendableRepository) -> dict[str, str]:
        return {path: data.decode() for path, data in repository.files.items() if path.startswith("metadata/")}

    lines, expected = [], []
    for _, bend, error, moved in ATTACKS:
        repository = assigned_repository()
        before = served(repository)
        bend(repository)
        lines.append(json.dumps([before, served(repository)]))
        expected.append(" ".join([error.__name__, *sorted(moved)]))
    printed = micropython(SCRIPT, NOW_S, stdin="\n".join(lines), heap="2M").splitlines()
    assert [" ".join(dict.fromkeys(line.split())) for line in printed] == expected


def test_that_a_snapshot_lost_nothing_is_seen_in_one_pass(
    repository: BendableRepository, store: DictStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names looked up one by one in a snapshot of 16,000 hash bins, which the command takes, were 800 s of work."""
    read = []
    text = Value.text
    monkeypatch.setattr(Value, "text", lambda value: read.append(1) or text(value))
    counts = []
    for number in (50, 100):
        repository.snapshot.meta |= {f"bin-{at}.json": MetaFile(1) for at in range(number)}
        for _ in range(2):
            repository.publish(bump=("all",))
            read.clear()
            refreshed(repository, store)
        counts.append(len(read))
    assert counts[1] < 2.5 * counts[0]


def test_expiry_is_judged_by_the_time_given(repository: BendableRepository, store: DictStore) -> None:
    refreshed(repository, store)
    with pytest.raises(ExpiredError, match="root 1 expired"):
        refreshed(repository, store, NOW_S + 31 * 86400)


def test_delegations_are_asked_in_order_and_terminating_ones_end_the_search(
    repository: BendableRepository, store: DictStore
) -> None:
    """A role before the board's covers the same names; terminating, it hides the board's."""
    signer = new_key()
    early = Targets(version=1, expires=repository.targets.expires)
    delegations = repository.targets.delegations
    assert delegations is not None
    assert delegations.roles is not None
    role = DelegatedRole("early", [signer.public_key.keyid], 1, False, paths=["*.img"])
    delegations.keys[signer.public_key.keyid] = signer.public_key
    delegations.roles = {"early": role, **delegations.roles}
    repository.files["metadata/1.early.json"] = repository.signed(early, [signer])
    repository.snapshot.meta["early.json"] = MetaFile(1)
    repository.publish(bump=("all",))
    found = serve(find_target(refreshed(repository, store), "simulated_1.0.0.img"), repository.files)
    assert found[0] == ROLE
    role.terminating = True
    repository.publish(bump=("all",))
    assert serve(find_target(refreshed(repository, store), "simulated_1.0.0.img"), repository.files) is None


def test_a_delegated_role_cannot_pose_as_a_top_level_one(repository: BendableRepository, store: DictStore) -> None:
    delegations = repository.targets.delegations
    assert delegations is not None
    assert delegations.roles is not None
    board = delegations.roles.pop(ROLE)
    delegations.roles["timestamp"] = DelegatedRole("timestamp", board.keyids, 1, True, paths=["simulated_*.img"])
    repository.snapshot.meta["timestamp.json"] = MetaFile(1)
    repository.publish(bump=("all",))
    trusted = refreshed(repository, store)
    with pytest.raises(MismatchError, match="top-level"):
        serve(find_target(trusted, "simulated_1.0.0.img"), repository.files)
