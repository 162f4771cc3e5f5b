"""Releases: published with their signed metadata, listed, and kept fresh while offline roles near their end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tuf.api.metadata import TargetFile

from fleet.domain.access import Actor, Permission, system_actor
from fleet.domain.audit import AuditAction
from fleet.domain.errors import InvalidError
from fleet.domain.release import Release, ReleaseDelta, ReleaseImage
from fleet.domain.rollout import Fit
from fleet.services.operators import require_operator
from fleet.services.unit_updates import UnitUpdates
from fleet.store.audit import AuditRepository
from fleet.store.outbox import OutboxRepository
from fleet.store.releases import ReleaseRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.updates.errors import RepositoryError
from fleet.updates.keys import ONLINE_ROLES
from fleet.updates.repository import Repository, RoleStatus
from protocol.host.role_parts import record_name
from protocol.wire.release import delta_prefix

MAX_NOTES_CHARACTERS = 10_000
OFFLINE_WARNING = timedelta(days=30)
ASSIGNMENTS_AT_ONCE = 200  # signed anew in one transaction
_RENEWER = system_actor("metadata")


class Releases:
    """What can be rolled out, and the metadata that lets units believe it."""

    def __init__(self, transactions: Transactions, repository: Repository, updates: UnitUpdates) -> None:
        self._transactions = transactions
        self._repository = repository
        self._updates = updates

    def publish(
        self, actor: Actor, files: Mapping[str, bytes], payloads: Mapping[str, bytes], notes: str = ""
    ) -> list[Release]:
        """Serve signed metadata and what it lists; the releases they bring. The same again changes nothing.

        The files go first and the rows after them: a crash between is healed by publishing again.
        """
        require_operator(actor, Permission.RELEASE_PUBLISH)
        if len(notes) > MAX_NOTES_CHARACTERS:
            raise InvalidError(f"notes have at most {MAX_NOTES_CHARACTERS} characters, got {len(notes)}")
        self._repository.publish(files, payloads, self._transactions.clock())
        with self._transactions.begin(actor) as uow:
            audited = AuditRepository(uow)
            for name in sorted(files):
                if not audited.has(AuditAction.METADATA_PUBLISH, name):
                    uow.audit(AuditAction.METADATA_PUBLISH, name)
            releases = self._record(uow, notes)
            uow.commit()
        self._sign_assignments_anew()
        return releases

    def get(self, actor: Actor, version: str) -> Release:
        """The release of that version."""
        require_operator(actor, Permission.RELEASE_READ)
        with self._transactions.read(actor) as uow:
            return ReleaseRepository(uow).by_version(version)

    def page(self, actor: Actor, limit: int, after_id: int | None) -> list[Release]:
        """At most `limit` releases, newest first."""
        require_operator(actor, Permission.RELEASE_READ)
        with self._transactions.read(actor) as uow:
            return ReleaseRepository(uow).page(limit, after_id)

    def record(self, image: ReleaseImage) -> dict[str, Any] | None:
        """The release record of an image, whether it is still listed or retired; None if it has none."""
        if image.record_sha256 is None:
            return None
        path = self._repository.target_file(f"{image.record_sha256}.{record_name(image.name)}")
        if path is None:
            raise RepositoryError(f"the record of {image.name} is missing; restore the repository from a backup")
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def update_keys(self, actor: Actor) -> dict[str, dict[str, Any]]:
        """The public halves of this fleet's online keys, current and next, for `release init` and `keys rotate`."""
        require_operator(actor, Permission.RELEASE_READ)
        return self._repository.keys.public()

    def make_next_keys(self, actor: Actor, roles: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Make a next key for each of `roles` that has none; in use once the release owners publish it."""
        require_operator(actor, Permission.RELEASE_PUBLISH)
        unknown = sorted(set(roles) - set(ONLINE_ROLES))
        if unknown:
            raise InvalidError(f"the fleet signs {', '.join(ONLINE_ROLES)}; got {', '.join(unknown)[:80]!r}")
        made = self._repository.make_next_keys(roles)
        with self._transactions.begin(actor) as uow:
            for role in made:
                uow.audit(AuditAction.KEY_MAKE, role)
            uow.commit()
        return self._repository.keys.public()

    def metadata_status(self, actor: Actor) -> list[RoleStatus]:
        """Each role of the repository with its version and expiry."""
        require_operator(actor, Permission.RELEASE_READ)
        return self._repository.status()

    def root_metadata(self) -> bytes:
        """The newest root, for provisioning; NotInitialisedError says what the release owners have to do first."""
        return self._repository.root_metadata()

    def renew_metadata(self, now: datetime) -> list[str]:
        """The worker's job: sign timestamp and snapshot anew in time; the roles signed.

        Warns by webhook, once a version, of a role only the release owners can renew.
        """
        renewed = [each.role for each in self._repository.renew(now)]
        used = self._repository.parts()
        offline = [each for each in self._repository.status() if each.role in ("root", "targets") or each.role in used]
        due = [each for each in offline if each.expires - now < OFFLINE_WARNING]
        if renewed or due:
            with self._transactions.begin(_RENEWER) as uow:
                for role in renewed:
                    uow.audit(AuditAction.METADATA_RENEW, role)
                for status in due:
                    self._warn(uow, status)
                uow.commit()
        self._sign_assignments_anew()
        return renewed

    def _sign_assignments_anew(self) -> None:
        """Whatever is pending under a key of before, or near its end; a crash leaves the rest to the next run."""
        if self._repository.status():
            signed = ASSIGNMENTS_AT_ONCE
            while signed == ASSIGNMENTS_AT_ONCE:
                with self._transactions.begin(_RENEWER) as uow:
                    signed = self._updates.sign_anew(uow, ASSIGNMENTS_AT_ONCE)
                    uow.commit()

    def _warn(self, uow: UnitOfWork, status: RoleStatus) -> None:
        key = f"metadata:{status.role}:{status.version}"
        if not OutboxRepository(uow).has("webhook", key):
            payload = {"event": "metadata_expires", "role": status.role, "expires": status.expires.isoformat()}
            uow.send("webhook", key, payload)

    def _record(self, uow: UnitOfWork, notes: str) -> list[Release]:
        """A row for each image units can install now that has none yet."""
        store = ReleaseRepository(uow)
        listed, deltas = self._repository.images(), self._repository.deltas()
        found: dict[str, Release] = {}
        for name in sorted(store.unknown(listed)):
            version = listed[name].custom["version"]
            found[version] = store.add_image(version, _image(name, listed[name], deltas), notes)
        for version in found:
            uow.audit(AuditAction.RELEASE_PUBLISH, version)
        return list(found.values())


def _image(name: str, target: TargetFile, deltas: Mapping[str, TargetFile]) -> ReleaseImage:
    facts, prefix = target.custom, delta_prefix(name)
    return ReleaseImage(
        name=name,
        length=target.length,
        sha256=target.hashes["sha256"],
        fit=Fit(facts["board"], facts["revisions"][0], facts["revisions"][1], facts["abi"], "beta" in facts),
        release_counter=facts["release_counter"],
        security_counter=facts["security_counter"],
        data_schema=facts["data_schema"],
        minimum_heap_bytes=facts["minimum_heap_bytes"],
        security="security" in facts,
        record_sha256=facts.get("record"),
        deltas=tuple(
            ReleaseDelta(each.removeprefix(prefix).removesuffix(".delta"), each, d.length, d.hashes["sha256"])
            for each, d in deltas.items()
            if each.startswith(prefix)
        ),
    )
