"""The update repository on disk: static files any TUF client can verify, changed only from whole to whole.

- A publication is checked in full before the first byte is written (`acceptance`).
- Files are written images first, then offline roles, snapshot, roots, and timestamp last: until the timestamp
  names them, clients see the old state. Of several roots the newest is written first, since clients see none before
  the one that follows on theirs. A crash before that leaves either the old state, or (from the last root written
  on) a snapshot that verifies under the newest, which the next publication or renewal makes current.
- What is current is what the timestamp says; a versioned file beyond it is an orphan and may be overwritten.
- One process writes at a time (lock file); readers need no lock.
- Snapshot and timestamp are signed by the keys the newest root lists, assignments by the key the current targets
  lists: a publication that lists the fleet's next keys is what puts them into use.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from securesystemslib.signer import Signer
from tuf.api.exceptions import LengthOrHashMismatchError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Timestamp

from fleet.updates import acceptance
from fleet.updates.acceptance import OfflineRole, OfflineState
from fleet.updates.director import Director
from fleet.updates.errors import MetadataError, NotInitialisedError, RepositoryError
from fleet.updates.files import exclusive, sync_directory, write_whole
from fleet.updates.keys import ONLINE_ROLES, OnlineKeys, directory_of, ensure_keys
from fleet.updates.metadata import file_name, parse, parse_name, to_bytes
from protocol.host.role_parts import ROLE, is_image, parse_part
from protocol.wire.release import DIRECTOR_ROLE

TIMESTAMP_LIFE = timedelta(days=2)
SNAPSHOT_LIFE = timedelta(days=14)
MAX_ROOTS = 1024
_ROLE_FILE = re.compile(rf"([1-9][0-9]{{0,8}}\.)?{ROLE}\.json")
_TARGET_FILE = re.compile(r"[0-9a-f]{64}\.[0-9A-Za-z._+-]{1,64}")


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """A role as it is served now."""

    role: str
    version: int
    expires: datetime


@dataclass(frozen=True, slots=True)
class Repository:
    """The files under `directory`, and the keys that sign the two online roles."""

    directory: Path
    keys: OnlineKeys

    @property
    def director(self) -> Director:
        """Who signs the units' assignments now."""
        return Director(self.keys.signer("director", self._director_keyid()))

    def root_metadata(self) -> bytes:
        """The newest root, for a station to put on a unit; NotInitialisedError before the release owners signed one."""
        state, _ = self._read()
        if "root" not in state.roles:
            raise NotInitialisedError(
                "there are no release keys yet, so no unit can be provisioned: run `plugtone release keys create`, "
                "`plugtone release init` and `plugtone release publish` first"
            )
        return state.roles["root"].data

    def images(self) -> dict[str, TargetFile]:
        """The images units can install now, by target name."""
        return self._read()[0].images()

    def deltas(self) -> dict[str, TargetFile]:
        """The deltas between them, by target name."""
        return {name: target for name, target in self._read()[0].listed().items() if not is_image(name)}

    def parts(self) -> dict[str, int]:
        """The boards' parts in use, with their sizes in bytes."""
        state, _ = self._read()
        return {role: len(state.roles[role].data) for role in state.parts()}

    def status(self) -> list[RoleStatus]:
        """Every role in use with its version and expiry, and parts out of use; empty before the first publication."""
        state, timestamp = self._read()
        if timestamp is None:
            return []
        snapshot = self._snapshot(timestamp)
        signed = [(name, held.metadata.signed) for name, held in state.roles.items()]
        signed += [("snapshot", snapshot), ("timestamp", timestamp)]
        return [RoleStatus(name, each.version, each.expires) for name, each in sorted(signed, key=lambda pair: pair[0])]

    def make_next_keys(self, roles: Collection[str]) -> list[str]:
        """Make the next keys that are missing, for a rotation; the roles that got one."""
        with exclusive(self.directory / "lock"):
            lacking = [role for role in roles if self.keys.public()[role]["next"] is None]
            self.keys.make_next(lacking)
        return lacking

    def metadata_file(self, name: str) -> Path | None:
        """Where the metadata file of that name lies, if it is served."""
        return self._served("metadata", name) if _ROLE_FILE.fullmatch(name) else None

    def target_file(self, name: str) -> Path | None:
        """Where the image `SHA256.NAME` lies, if it is served."""
        return self._served("targets", name) if _TARGET_FILE.fullmatch(name) else None

    def publish(self, files: Mapping[str, bytes], payloads: Mapping[str, bytes], now: datetime) -> list[RoleStatus]:
        """Check and serve offline-signed metadata and what it lists; the same publication twice changes nothing.

        MetadataError or ImageError, with the repository as it was, if a unit would not accept it.
        """
        with self._writing(now):
            state, timestamp = self._read()
            fresh = {name: data for name, data in files.items() if not self._is_served(state, name, data)}
            online = {role: self.keys.keyids(role) for role in ONLINE_ROLES}
            accepted = acceptance.accept(state, fresh, payloads, online, self._past(state), now)
            if accepted.files:
                self._write(accepted, timestamp, now)
                self._settle_keys()
        return self.status()

    def renew(self, now: datetime) -> list[RoleStatus]:
        """Sign timestamp and snapshot anew once half their life is over; the roles that were."""
        with self._writing(now):
            _, timestamp = self._read()
            if timestamp is None:
                return []
            snapshot = self._snapshot(timestamp)
            if snapshot.expires - now < SNAPSHOT_LIFE / 2:
                renewed = Snapshot(version=snapshot.version + 1, expires=now + SNAPSHOT_LIFE, meta=snapshot.meta)
                root: Root = self._newest_root().metadata.signed
                snapshot_data = self._signed_snapshot(renewed, root)
                write_whole(self._path("snapshot", renewed.version), snapshot_data)
                stamped = self._stamp(renewed.version, snapshot_data, timestamp, now)
                return [RoleStatus(each.type, each.version, each.expires) for each in (renewed, stamped)]
            if timestamp.expires - now < TIMESTAMP_LIFE / 2:
                data = self._load("snapshot", snapshot.version)
                stamped = self._stamp(snapshot.version, data, timestamp, now)
                return [RoleStatus(stamped.type, stamped.version, stamped.expires)]
        return []

    def mend(self, now: datetime) -> None:
        """Bring a publication that was cut off to its end, or leave the state before it."""
        with self._writing(now):
            pass

    @contextmanager
    def _writing(self, now: datetime) -> Iterator[None]:
        with exclusive(self.directory / "lock"):
            self._recover(now)
            self._settle_keys()
            yield

    def _served(self, folder: str, name: str) -> Path | None:
        path = self.directory / folder / name
        return path if path.is_file() else None

    def _is_served(self, state: OfflineState, name: str, data: bytes) -> bool:
        role, version = parse_name(name)
        held = state.roles.get(role)
        return held is not None and version <= held.version and self._load(role, version) == data

    def _path(self, role: str, version: int) -> Path:
        return self.directory / "metadata" / file_name(role, version)

    def _load(self, role: str, version: int) -> bytes:
        path = self._path(role, version)
        try:
            return path.read_bytes()
        except OSError as error:
            raise RepositoryError(f"{path.name} cannot be read: {error}; restore it from the backup") from error

    def _snapshot(self, timestamp: Timestamp) -> Snapshot:
        version = timestamp.snapshot_meta.version
        signed: Snapshot = parse("snapshot", self._load("snapshot", version)).signed
        return signed

    def _read(self) -> tuple[OfflineState, Timestamp | None]:
        """The offline roles as served, and the timestamp; nothing before the first publication is done."""
        if not self._path("timestamp", 0).exists():
            return OfflineState(), None
        timestamp: Timestamp = parse("timestamp", self._load("timestamp", 0)).signed
        return OfflineState({"root": self._newest_root(), **self._listed(self._snapshot(timestamp))}), timestamp

    def _listed(self, snapshot: Snapshot) -> dict[str, OfflineRole]:
        named = {name.removesuffix(".json"): meta.version for name, meta in snapshot.meta.items()}
        return {role: self._role(role, version) for role, version in named.items()}

    def _past(self, state: OfflineState) -> dict[str, TargetFile]:
        """Every image that was ever published, by target name."""
        found: dict[str, TargetFile] = {}
        for role, held in state.roles.items():
            if parse_part(role) is not None:
                for version in range(1, held.version + 1):
                    found |= acceptance.images_of(role, self._role(role, version))
        return found

    def _role(self, role: str, version: int) -> OfflineRole:
        data = self._load(role, version)
        return OfflineRole(parse(role, data), data)

    def _write(self, accepted: acceptance.Accepted, timestamp: Timestamp | None, now: datetime) -> None:
        snapshot = Snapshot(
            version=timestamp.snapshot_meta.version + 1 if timestamp else 1,
            expires=now + SNAPSHOT_LIFE,
            meta={
                f"{role}.json": MetaFile.from_data(held.version, held.data, ["sha256"])
                for role, held in accepted.state.roles.items()
                if role != "root"
            },
        )
        snapshot_data = self._signed_snapshot(snapshot, accepted.state.roles["root"].metadata.signed)
        for name, data in accepted.payloads.items():
            write_whole(self.directory / "targets" / name, data)
        roots = {name: data for name, data in accepted.files.items() if name.endswith(".root.json")}
        for name, data in accepted.files.items():
            if name not in roots:
                write_whole(self.directory / "metadata" / name, data)
        write_whole(self._path("snapshot", snapshot.version), snapshot_data)
        if roots:
            self._remove_orphan_roots()
        for name in sorted(roots, key=lambda each: parse_name(each)[1], reverse=True):
            write_whole(self.directory / "metadata" / name, roots[name])
        self._stamp(snapshot.version, snapshot_data, timestamp, now)

    def _signer(self, role: str, root: Root) -> Signer:
        return self.keys.signer(role, root.roles[role].keyids[0])

    def _signed_snapshot(self, snapshot: Snapshot, root: Root) -> bytes:
        metadata = Metadata(snapshot)
        metadata.sign(self._signer("snapshot", root))
        data = to_bytes(metadata)
        parse("snapshot", data)  # MetadataError beyond the units' bound
        return data

    def _stamp(self, version: int, snapshot_data: bytes, last: Timestamp | None, now: datetime) -> Timestamp:
        signed = Timestamp(
            version=last.version + 1 if last else 1,
            expires=now + TIMESTAMP_LIFE,
            snapshot_meta=MetaFile.from_data(version, snapshot_data, ["sha256"]),
        )
        metadata = Metadata(signed)
        metadata.sign(self._signer("timestamp", self._newest_root().metadata.signed))
        write_whole(self._path("timestamp", 0), to_bytes(metadata))
        return signed

    def _recover(self, now: datetime) -> None:
        """Make current what a publication or renewal had written in full but for its timestamp."""
        _, timestamp = self._read()
        version = timestamp.snapshot_meta.version + 1 if timestamp else 1
        if not self._path("snapshot", version).exists() or not self._path("root", 1).exists():
            return
        data = self._load("snapshot", version)
        try:
            snapshot = parse("snapshot", data)
            state = OfflineState({"root": self._newest_root(), **self._listed(snapshot.signed)})
            acceptance.verify(state)
            state.roles["root"].metadata.verify_delegate("snapshot", snapshot)
            for name, meta in snapshot.signed.meta.items():
                meta.verify_length_and_hashes(state.roles[name.removesuffix(".json")].data)
        except (MetadataError, RepositoryError, UnsignedMetadataError, LengthOrHashMismatchError):
            return  # died before its root, or its files are another's: an orphan, which the next publication overwrites
        self._stamp(version, data, timestamp, now)

    def _settle_keys(self) -> None:
        """Let the keys that are published now take the place of those before."""
        state, timestamp = self._read()
        if timestamp is None or state.root is None:
            return
        for role in ("snapshot", "timestamp"):
            self.keys.settle(role, state.root.roles[role].keyids[0])
        self.keys.settle(DIRECTOR_ROLE, _director_in(state))

    def _director_keyid(self) -> str | None:
        """The key of the current targets for assignments; None before the first publication."""
        try:
            at = self._path("timestamp", 0).stat()
        except FileNotFoundError:
            return None
        return _cached_director_keyid(self, (at.st_ino, at.st_mtime_ns))

    def _newest_root(self) -> OfflineRole:
        return self._role("root", self._newest_root_version())

    def _newest_root_version(self) -> int:
        version = 1
        while version < MAX_ROOTS and self._path("root", version + 1).exists():
            version += 1
        return version

    def _remove_orphan_roots(self) -> None:
        """Those beyond the newest, of a publication that was cut off: they would follow on a root of another one."""
        newest = self._newest_root_version()
        for path in (self.directory / "metadata").glob("*.root.json"):
            if _ROLE_FILE.fullmatch(path.name) and parse_name(path.name)[1] > newest:
                path.unlink()
        sync_directory(self.directory / "metadata")


def ensure(data_dir: Path, now: datetime | None = None) -> Repository:
    """The repository of a data directory; at the first start its folders and online keys are made.

    With `now`, what a process died in that published is brought to its end.
    """
    directory = data_dir / "updates"
    for folder in ("metadata", "targets"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    with exclusive(directory / "lock"):
        keys = ensure_keys(directory_of(data_dir))
    repository = Repository(directory, keys)
    if now is not None:
        repository.mend(now)
    return repository


@lru_cache(maxsize=8)
def _cached_director_keyid(repository: Repository, _published: tuple[int, int]) -> str:
    """Each publication has a timestamp file of its own: between two, assignments need not read the metadata."""
    state, _ = repository._read()
    return _director_in(state)


def _director_in(state: OfflineState) -> str:
    delegations = state.targets.delegations if state.targets else None
    if delegations is None or not delegations.roles:
        raise RepositoryError("the published targets delegates to nobody; restore the repository from a backup")
    return delegations.roles[DIRECTOR_ROLE].keyids[0]
