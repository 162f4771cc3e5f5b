"""Releases: published with their signed metadata, listed, and kept fresh while offline roles near their end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tuf.api.metadata import TargetFile

from fleet.domain.access import Actor, ForbiddenError, Permission, system_actor
from fleet.domain.audit import AuditAction
from fleet.domain.errors import InvalidError
from fleet.domain.release import Release, ReleaseImage
from fleet.domain.rollout import Fit
from fleet.store.audit import AuditRepository
from fleet.store.outbox import OutboxRepository
from fleet.store.releases import ReleaseRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.updates.repository import Repository, RoleStatus

MAX_NOTES_CHARACTERS = 10_000
OFFLINE_WARNING = timedelta(days=30)
_ONLINE = ("snapshot", "timestamp")
_RENEWER = system_actor("metadata")


class Releases:
    """What can be rolled out, and the metadata that lets units believe it."""

    def __init__(self, transactions: Transactions, repository: Repository) -> None:
        self._transactions = transactions
        self._repository = repository

    def publish(
        self, actor: Actor, files: Mapping[str, bytes], images: Mapping[str, bytes], notes: str = ""
    ) -> list[Release]:
        """Serve signed metadata and images; the releases they bring. The same again brings none and changes nothing.

        The files go first and the rows after them: a crash between is healed by publishing again.
        """
        require_operator(actor, Permission.RELEASE_PUBLISH)
        if len(notes) > MAX_NOTES_CHARACTERS:
            raise InvalidError(f"notes have at most {MAX_NOTES_CHARACTERS} characters, got {len(notes)}")
        self._repository.publish(files, images, self._transactions.clock())
        with self._transactions.begin(actor) as uow:
            audited = AuditRepository(uow)
            for name in sorted(files):
                if not audited.has(AuditAction.METADATA_PUBLISH, name):
                    uow.audit(AuditAction.METADATA_PUBLISH, name)
            releases = self._record(uow, notes)
            uow.commit()
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

    def update_keys(self, actor: Actor) -> dict[str, dict[str, Any]]:
        """The public halves of this fleet's online keys, for `plugtone release init`."""
        require_operator(actor, Permission.RELEASE_READ)
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
        offline = [each for each in self._repository.status() if each.role not in _ONLINE]
        due = [each for each in offline if each.expires - now < OFFLINE_WARNING]
        if renewed or due:
            with self._transactions.begin(_RENEWER) as uow:
                for role in renewed:
                    uow.audit(AuditAction.METADATA_RENEW, role)
                for status in due:
                    self._warn(uow, status)
                uow.commit()
        return renewed

    def _warn(self, uow: UnitOfWork, status: RoleStatus) -> None:
        key = f"metadata:{status.role}:{status.version}"
        if not OutboxRepository(uow).has("webhook", key):
            payload = {"event": "metadata_expires", "role": status.role, "expires": status.expires.isoformat()}
            uow.send("webhook", key, payload)

    def _record(self, uow: UnitOfWork, notes: str) -> list[Release]:
        """A row for each image units can install now that has none yet."""
        store = ReleaseRepository(uow)
        listed = self._repository.images()
        found: dict[str, Release] = {}
        for name in sorted(store.unknown(listed)):
            version = listed[name].custom["version"]
            found[version] = store.add_image(version, _image(name, listed[name]), notes)
        for version in found:
            uow.audit(AuditAction.RELEASE_PUBLISH, version)
        return list(found.values())


def require_operator(actor: Actor, permission: Permission) -> None:
    """ForbiddenError unless the actor has the permission and acts for the operator, not for one account."""
    actor.require(permission)
    if actor.account_id is not None:
        raise ForbiddenError("releases and rollouts are the operator's; this actor acts for one account")


def _image(name: str, target: TargetFile) -> ReleaseImage:
    facts = target.custom
    return ReleaseImage(
        name=name,
        length=target.length,
        sha256=target.hashes["sha256"],
        fit=Fit(facts["board"], facts["revisions"][0], facts["revisions"][1], facts["abi"]),
        release_counter=facts["release_counter"],
        security_counter=facts["security_counter"],
        data_schema=facts["data_schema"],
        minimum_heap_bytes=facts["minimum_heap_bytes"],
    )
