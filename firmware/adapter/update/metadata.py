"""What this unit trusts: TUF's client rules (specification 1.0, section 5), without the fetching.

- A file is stored only after every check it is subject to; a failed check changes nothing, here or in `store`.
- What is stored is verified again under its current delegator before it counts for anything.
- Expired metadata is never acted upon, but the versions in it still bar older ones.
- Nothing is read from a file beyond its canonical signed part.

`store` maps names (`root.json`, `timestamp.json`, `snapshot.json`, `ROLE.json`) to bytes: `get(name)` (None
if absent), `put(name, data)` (atomic) and `delete(name)`.
"""

from binascii import unhexlify
from hashlib import sha256

from adapter.update.errors import ExpiredError, HashError, LengthError, MismatchError, RollbackError, UpdateError
from adapter.update.file_names import TOP_LEVEL, stored_name
from adapter.update.signed_file import SignedFile
from adapter.update.target_paths import matches
from protocol.wire.release import MAX_METADATA_BYTES

MAX_ROOTS = 64  # a refresh; the next one goes on from there


class FileFacts:
    """What one file says of another: version, and length and SHA-256 or None where it does not say."""

    __slots__ = ("length", "sha256", "version")

    def __init__(self, value):
        length = value.get("length")
        hashes = value.get("hashes")
        self.version = value["version"].number()
        self.length = None if length is None else length.number()
        self.sha256 = None if hashes is None else sha256_of(hashes)

    def check(self, name, data):
        """HashError or LengthError if `data` is not the file that was meant."""
        if self.length is not None and len(data) != self.length:
            raise LengthError("%s has %d bytes, %d are signed for" % (name, len(data), self.length))
        if self.sha256 is not None and sha256(data).digest() != self.sha256:
            raise HashError("%s is not the file that was signed for" % name)


def sha256_of(hashes):
    """The SHA-256 in a Value of hashes by algorithm; MismatchError if it has none."""
    text = hashes["sha256"].text()
    try:
        digest = unhexlify(text)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise MismatchError("64 hexadecimal digits are wanted, got %r" % text[:70])
    return digest


class TrustedSet:
    """The verified metadata of one refresh; `now_s` (UTC seconds since 1970) is fixed for all of it (5.1).

    `first_root` is the root the unit was provisioned with. Call `update_root` until there is no newer one,
    then `finish_root`, `update_timestamp`, `update_snapshot`, `update_targets` with what was fetched.
    """

    def __init__(self, store, first_root, now_s):
        self._store = store
        self._now_s = now_s
        self.root = SignedFile("root", "root", first_root, MAX_METADATA_BYTES)  # sealed in: trusted as it is (5.2)
        stored = self._stored("root", "root")
        if stored is not None and stored.version > self.root.version:
            self.root = stored
        self._online_roles = self._online_keys()
        self.timestamp = None
        self.snapshot = None
        self._targets = {}

    @property
    def consistent(self):
        """True if files are served under names with version and hash."""
        return self.root.body["consistent_snapshot"].flag()

    def update_root(self, data):
        """Takes root N+1 (5.3.3 to 5.3.9)."""
        new = SignedFile("root", "root", data, MAX_METADATA_BYTES)
        self._verify_root(new, self.root)
        self._verify_root(new, new)  # 5.3.4: both thresholds
        if new.version != self.root.version + 1:
            raise RollbackError("after root %d comes the next, got %d" % (self.root.version, new.version))
        self._store.put("root.json", data)  # 5.3.8
        self.root = new

    def finish_root(self):
        """The newest root stands (5.3.10, 5.3.11); what is stored below it is loaded, if it still verifies."""
        self._check_expiry(self.root)
        if self._online_keys() != self._online_roles:
            for name in ("timestamp.json", "snapshot.json"):
                self._store.delete(name)
        self.timestamp = self._stored("timestamp", "timestamp", self._top_level("timestamp"))
        self.snapshot = self._stored("snapshot", "snapshot", self._top_level("snapshot"))

    def update_timestamp(self, data):
        """Takes a fetched timestamp (5.4)."""
        old = self.timestamp
        if old is not None and data == old.data:
            self._check_expiry(old)
            return
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
                return
        self._check_expiry(new)  # 5.4.4
        self._store.put("timestamp.json", data)
        self.timestamp = new

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
        self._store.put("snapshot.json", data)
        self.snapshot = new

    def targets_facts(self, role):
        """What the trusted snapshot says of `role`; MismatchError if it does not list it."""
        listed = self.snapshot.body["meta"].get(role + ".json")
        if listed is None:
            raise MismatchError("the snapshot does not list %s" % role)
        return FileFacts(listed)

    def has_targets(self, role, delegator=None):
        """True if the stored file of `role` is the one the snapshot names, still signed; it counts from now on."""
        if role in self._targets:
            return True
        found = self._stored(role, "targets", self._delegation(role, delegator))
        if not _is_meant(found, self.targets_facts(role)) or found.expires_s <= self._now_s:
            return False
        self._targets[role] = found
        return True

    def update_targets(self, data, role="targets", delegator=None):
        """Takes fetched metadata of `role`, which `delegator` (a role; None: root) delegates to (5.6, 5.6.7.2)."""
        facts = self.targets_facts(role)
        facts.check(role, data)  # 5.6.2
        new = self._verified(role, "targets", data, self._delegation(role, delegator))
        _check_version(new, facts)  # 5.6.4
        self._check_expiry(new)  # 5.6.5
        self._store.put(stored_name(role), data)
        self._targets[role] = new

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
        for delegated in delegations["roles"].elements():
            paths = delegated.get("paths")
            if paths is None:
                continue
            for pattern in paths.elements():
                if matches(pattern.text(), name):
                    found.append((delegated["name"].text(), delegated["terminating"].flag()))
                    break
        return found

    def verify_delegated(self, signed_file, role, delegator="targets"):
        """SignatureError unless the keys of `role` signed it, as `delegator` lists them; ExpiredError if it is over."""
        signed_file.verify(*self._delegation(role, delegator))
        self._check_expiry(signed_file)

    def _verified(self, name, kind, data, authority):
        found = SignedFile(name, kind, data, MAX_METADATA_BYTES)
        found.verify(*authority)
        return found

    def _stored(self, name, kind, authority=None):
        """The stored file, if it is there, whole, and signed by `authority`."""
        data = self._store.get(stored_name(name))
        if data is None:
            return None
        try:
            found = SignedFile(name, kind, data, MAX_METADATA_BYTES)
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

    def _online_keys(self):
        """A digest of who signs timestamp and snapshot."""
        state = sha256()
        for role in ("timestamp", "snapshot"):
            keys, authority = self._top_level(role)
            authority.canonical(state.update)
            for keyid in authority["keyids"].elements():
                key = keys.get(keyid.text())
                if key is not None:
                    key.canonical(state.update)
        return state.digest()

    def _check_expiry(self, signed_file):
        found = signed_file
        if found.expires_s <= self._now_s:
            raise ExpiredError(
                "%s %d expired at %d s, now is %d s" % (found.name, found.version, found.expires_s, self._now_s)
            )


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
    meta = new.body["meta"]
    for name, value in old.body["meta"].members():
        listed = meta.get(name)
        before = FileFacts(value).version
        if listed is None:
            raise RollbackError("the new snapshot no longer lists %s" % name)
        if FileFacts(listed).version < before:
            raise RollbackError("%s %d is trusted, snapshot names %d" % (name, before, FileFacts(listed).version))
