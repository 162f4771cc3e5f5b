"""What this unit trusts: TUF's client rules (specification 1.0, section 5), without the fetching.

- A file is stored only after every check it is subject to; a failed check changes nothing, here or in `store`.
- What is stored is verified again under its current delegator before it counts for anything.
- Expired metadata is never acted upon, but the versions in it still bar older ones.
- Nothing is read from a file beyond its canonical signed part.

`store` maps names (`root.json`, `timestamp.json`, `snapshot.json`, `ROLE.json`) to bytes: `get(name)` (None
if absent), `put(name, data)` (atomic) and `delete(name)`.
"""

from binascii import hexlify
from hashlib import sha256

from adapter.update.errors import ExpiredError, LengthError, MismatchError, RollbackError, UpdateError
from adapter.update.file_names import TOP_LEVEL, stored_name
from adapter.update.hashes import HashCheck
from adapter.update.keys import mark, public_key
from adapter.update.signed_file import SignedFile, version_of
from adapter.update.target_paths import matches
from protocol.wire.release import MAX_METADATA_BYTES


class Bounds:
    """How much is taken: `max_bytes` of a file by its type, `max_roots` a refresh, `max_roles` visited for one target.

    A refresh that meets more roots ends there, and the next one goes on.
    """

    __slots__ = ("max_bytes", "max_roles", "max_roots")

    def __init__(self, max_bytes, max_roots, max_roles):
        self.max_bytes = max_bytes
        self.max_roots = max_roots
        self.max_roles = max_roles


UNIT_BOUNDS = Bounds({kind: MAX_METADATA_BYTES for kind in TOP_LEVEL}, 64, 16)


class FileFacts:
    """What one file says of another: version, and length and hashes or None where it does not say."""

    __slots__ = ("_hashes", "length", "version")

    def __init__(self, value):
        length = value.get("length")
        self.version = version_of(value)
        self.length = None if length is None else length.number()
        self._hashes = value.get("hashes")

    def check(self, name, data):
        """HashError or LengthError if `data` is not the file that was meant."""
        if self.length is not None and len(data) != self.length:
            raise LengthError("%s has %d bytes, %d are signed for" % (name, len(data), self.length))
        if self._hashes is not None:
            found = HashCheck(self._hashes)
            found.update(data)
            found.check(name)


class TrustedSet:
    """The verified metadata of one refresh; `now_s` (UTC seconds since 1970) is fixed for all of it (5.1).

    `first_root` is the root the unit was provisioned with. Call `update_root` until there is no newer one,
    then `finish_root`, `update_timestamp`, `update_snapshot`, `update_targets` with what was fetched.
    """

    def __init__(self, store, first_root, now_s, bounds=UNIT_BOUNDS):
        self.bounds = bounds
        self._store = store
        self._now_s = now_s
        self.root = self._read("root", "root", first_root)  # sealed in: trusted as it is (5.2)
        stored = self._stored("root", "root")
        if stored is not None and stored.version > self.root.version:
            self.root = stored
        self.consistent = False  # True if files are served under names with version and hash
        self.timestamp = None
        self.snapshot = None
        self._targets = {}
        self._verified_by = []  # (role, delegator): a role's file counts only under who was found to have it signed

    def update_root(self, data):
        """Takes root N+1 (5.3.3 to 5.3.9); False if it is root N once more, which changes nothing (5.3.5)."""
        old = self.root
        new = self._read("root", "root", data)
        self._verify_root(new, old)
        self._verify_root(new, new)  # 5.3.4: both thresholds
        if new.version == old.version:
            return False
        if new.version != old.version + 1:
            raise RollbackError("after root %d comes the next, got %d" % (old.version, new.version))
        # Of all four, before anything moves: a root without one of them could never be followed by another.
        rotated = [role for role in TOP_LEVEL if _lost_keys(old, new, role)]
        if "timestamp" in rotated or "snapshot" in rotated:
            # 5.3.11, before the root is stored: a power cut between the two must not leave a fast-forward behind.
            for name in ("timestamp.json", "snapshot.json"):
                self._store.delete(name)
        self._store.put("root.json", data)  # 5.3.8
        self.root = new
        return True

    def finish_root(self):
        """The newest root stands (5.3.10); what is stored below it is loaded, if it still verifies."""
        self._check_expiry(self.root)
        consistent = self.root.body.get("consistent_snapshot")
        self.consistent = consistent is not None and consistent.flag()
        self.timestamp = self._stored("timestamp", "timestamp", self._top_level("timestamp"))
        self.snapshot = self._stored("snapshot", "snapshot", self._top_level("snapshot"))

    def update_timestamp(self, data):
        """Takes a fetched timestamp (5.4); False if there is nothing new in it."""
        old = self.timestamp
        if old is not None and data == old.data:
            self._check_expiry(old)
            return False
        new = self._verified("timestamp", "timestamp", data, self._top_level("timestamp"))
        listed = FileFacts(new.body["meta"]["snapshot.json"])
        if old is not None:
            if new.version < old.version:  # 5.4.3.1
                raise RollbackError("timestamp %d is trusted, got %d" % (old.version, new.version))
            before = FileFacts(old.body["meta"]["snapshot.json"])
            if listed.version < before.version:  # 5.4.3.2
                raise RollbackError("snapshot %d is trusted, timestamp names %d" % (before.version, listed.version))
            if new.version == old.version:  # nothing new: what is trusted stays
                self._check_expiry(old)
                return False
        self._check_expiry(new)  # 5.4.4
        self._store.put("timestamp.json", data)  # 5.4.5
        self.timestamp = new
        return True

    @property
    def snapshot_facts(self):
        """What the trusted timestamp says of the snapshot."""
        return FileFacts(self.timestamp.body["meta"]["snapshot.json"])

    @property
    def has_snapshot(self):
        """True if the stored snapshot is the one the timestamp names: no need to fetch it."""
        facts = self.snapshot_facts
        return _is_meant(self.snapshot, facts) and self.snapshot.expires_s > self._now_s

    def update_snapshot(self, data):
        """Takes a fetched snapshot (5.5)."""
        facts = self.snapshot_facts
        facts.check("snapshot", data)  # 5.5.2
        new = self._verified("snapshot", "snapshot", data, self._top_level("snapshot"))
        _check_version(new, facts)  # 5.5.4
        if self.snapshot is not None:
            _check_nothing_lost(self.snapshot, new)  # 5.5.5
        self._check_expiry(new)  # 5.5.6
        self._store.put("snapshot.json", data)  # 5.5.7
        self.snapshot = new

    def targets_facts(self, role):
        """What the trusted snapshot says of `role`; MismatchError if it does not list it."""
        listed = self.snapshot.body["meta"].get(role + ".json")
        if listed is None:
            raise MismatchError("the snapshot does not list %s" % role)
        return FileFacts(listed)

    def has_targets(self, role, delegator=None):
        """True if the stored file of `role` is the one the snapshot names, signed as `delegator` wants it.

        It counts from now on. SignatureError if it counts already, but is not signed for this delegator.
        """
        if (role, delegator) in self._verified_by:
            return True
        authority = self._delegation(role, delegator)
        found = self._targets.get(role)
        if found is not None:
            found.verify(*authority)
        else:
            facts = self.targets_facts(role)
            found = self._stored(role, "targets", authority)
            if not _is_meant(found, facts) or found.expires_s <= self._now_s:
                return False
        self._count(found, role, delegator)
        return True

    def update_targets(self, data, role="targets", delegator=None):
        """Takes fetched metadata of `role`, which `delegator` (a role; None: root) delegates to (5.6, 5.6.7.2)."""
        facts = self.targets_facts(role)
        facts.check(role, data)  # 5.6.2
        new = self._verified(role, "targets", data, self._delegation(role, delegator))
        _check_version(new, facts)  # 5.6.4
        self._check_expiry(new)  # 5.6.5
        self._store.put(stored_name(role), data)  # 5.6.6
        self._count(new, role, delegator)

    def finish_refresh(self):
        """Gives back the heap of root and timestamp: from now on no top-level role can be verified."""
        self.root = self.timestamp = None

    def forget(self, role):
        """Gives back the heap of a role that lists nothing that is wanted."""
        del self._targets[role]
        self._verified_by = [pair for pair in self._verified_by if pair[0] != role]

    def target(self, role, name):
        """The Value under `name` among the targets of `role`, or None."""
        return self._targets[role].body["targets"].get(name)

    def role_version(self, role):
        """The version of that role's trusted metadata."""
        return self._targets[role].version

    def delegations(self, role, name):
        """[(delegated role, terminating)] whose paths match the target `name`, in the order of priority."""
        found = []
        delegations = self._targets[role].body.get("delegations")
        if delegations is None:
            return found
        names = []
        for delegated in delegations["roles"].elements():
            child = delegated["name"].text()
            if child in names:  # whose keys would count for it?
                raise MismatchError("%s delegates to %s twice" % (role, child))
            names.append(child)
            if _covers(delegated, name):
                terminating = delegated.get("terminating")
                found.append((child, terminating is not None and terminating.flag()))
        return found

    def verify_delegated(self, signed_file, role, delegator="targets"):
        """The mark of a key that signed it, of those that `delegator` lists for `role`.

        SignatureError unless enough of them did; ExpiredError if it is over.
        """
        good = signed_file.verify(*self._delegation(role, delegator))
        self._check_expiry(signed_file)
        return mark(good[0])

    def lists_key(self, wanted, role, delegator="targets"):
        """True if `delegator` lists the key with the mark `wanted` for `role`."""
        keys, delegated = self._delegation(role, delegator)
        for public in _public_keys(keys, delegated):
            if public is not None and mark(public) == wanted:
                return True
        return False

    def _count(self, found, role, delegator):
        self._targets[role] = found
        self._verified_by.append((role, delegator))

    def _read(self, name, kind, data):
        return SignedFile(name, kind, data, self.bounds.max_bytes[kind])

    def _verified(self, name, kind, data, authority):
        found = self._read(name, kind, data)
        found.verify(*authority)
        return found

    def _stored(self, name, kind, authority=None):
        """The stored file, if it is there, whole, and signed by `authority`."""
        data = self._store.get(stored_name(name))
        if data is None:
            return None
        try:
            found = self._read(name, kind, data)
            if authority is None:
                self._verify_root(found, found)
            else:
                found.verify(*authority)
        except UpdateError:
            return None  # damaged, or its keys were rotated: as if it had never been fetched
        return found

    def _verify_root(self, new, by):
        new.verify(by.body["keys"], by.body["roles"]["root"])

    def _top_level(self, role):
        return self.root.body["keys"], self.root.body["roles"][role]

    def _delegation(self, role, delegator):
        if delegator is None:
            return self._top_level(role)
        if role in TOP_LEVEL:
            raise MismatchError("%s delegates to the top-level role %s" % (delegator, role))
        delegations = self._targets[delegator].body.get("delegations")
        if delegations is not None:
            for delegated in delegations["roles"].elements():
                if delegated["name"].text() == role:
                    return delegations["keys"], delegated
        raise MismatchError("%s does not delegate to %s" % (delegator, role))

    def _check_expiry(self, signed_file):
        found = signed_file
        if found.expires_s <= self._now_s:
            raise ExpiredError(
                "%s %d expired at %d s, now is %d s" % (found.name, found.version, found.expires_s, self._now_s)
            )


def _lost_keys(old, new, role):
    """True if root `new` no longer lists a key that root `old` lists for `role`: it was rotated out."""
    kept = _public_keys(new.body["keys"], new.body["roles"][role])
    for public in _public_keys(old.body["keys"], old.body["roles"][role]):
        if public not in kept:
            return True
    return False


def _public_keys(keys, role):
    found = []
    for keyid in role["keyids"].elements():
        key = keys.get(keyid.text())
        if key is not None:
            found.append(public_key(key))
    return found


def _covers(delegated, name):
    """True if a delegation is for the target `name`: by a path pattern, or by its hash bin (specification 4.5)."""
    paths = delegated.get("paths")
    prefixes = delegated.get("path_hash_prefixes")
    if paths is not None and prefixes is not None:
        raise MismatchError("%s is delegated paths and hash prefixes" % delegated["name"].text())
    if paths is not None:
        for pattern in paths.elements():
            if matches(pattern.text(), name):
                return True
    elif prefixes is not None:
        digest = hexlify(sha256(name.encode()).digest()).decode()
        for prefix in prefixes.elements():
            if digest.startswith(prefix.text()):
                return True
    return False


def _is_meant(signed_file, facts):
    if signed_file is None or signed_file.version != facts.version:
        return False
    try:
        facts.check(signed_file.name, signed_file.data)
    except UpdateError:
        return False
    return True


def _check_version(signed_file, facts):
    if signed_file.version != facts.version:
        raise MismatchError(
            "%s has version %d, %d is signed for" % (signed_file.name, signed_file.version, facts.version)
        )


def _check_nothing_lost(old, new):
    """Every file the old snapshot lists is in the new one, at no lower version (5.5.5)."""
    listed = {name: FileFacts(value).version for name, value in new.body["meta"].members()}
    for name, value in old.body["meta"].members():
        before = FileFacts(value).version
        if name not in listed:
            raise RollbackError("the new snapshot no longer lists %s" % name)
        if listed[name] < before:
            raise RollbackError("%s %d is trusted, snapshot names %d" % (name, before, listed[name]))
