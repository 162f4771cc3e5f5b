"""Releases and their images."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, insert, select

from fleet.domain.errors import NotFoundError
from fleet.domain.release import Release, ReleaseDelta, ReleaseImage
from fleet.domain.rollout import Fit
from fleet.store.tables.releases import release_deltas, release_images, releases
from fleet.store.unit_of_work import UnitOfWork


class ReleaseRepository:
    """Reads and writes `releases`; they are the operator's and belong to no account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection

    def by_version(self, version: str) -> Release:
        """The release of that version; NotFoundError if none was published."""
        row = self._connection.execute(_BY_VERSION, {"of_version": version}).one_or_none()
        if row is None:
            raise NotFoundError(f"no release has version {version!r}; GET /v1/releases lists them")
        return self._release(row)

    def get(self, release_id: int) -> Release:
        """The release of that number."""
        row = self._connection.execute(select(releases).where(releases.c.id == release_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no release with number {release_id}")
        return self._release(row)

    def image(self, name: str) -> ReleaseImage:
        """The image that is target `name`; NotFoundError if none was published."""
        release_id = self._connection.scalar(select(release_images.c.release_id).where(release_images.c.name == name))
        if release_id is None:
            raise NotFoundError(f"no release has an image {name!r}")
        return next(image for image in self.get(release_id).images.values() if image.name == name)

    def page(self, limit: int, after_id: int | None) -> list[Release]:
        """At most `limit` releases, newest first; those before `after_id`."""
        query = select(releases).order_by(releases.c.id.desc()).limit(limit)
        if after_id is not None:
            query = query.where(releases.c.id < after_id)
        return [self._release(row) for row in self._connection.execute(query)]

    def unknown(self, names: Collection[str]) -> set[str]:
        """Those of the target `names` no release has yet."""
        known = set(self._connection.scalars(select(release_images.c.name).where(release_images.c.name.in_(names))))
        return set(names) - known

    def add_image(self, version: str, image: ReleaseImage, notes: str) -> Release:
        """Add an image to the release of that version, which begins with its first image."""
        release_id = self._connection.scalar(select(releases.c.id).where(releases.c.version == version))
        if release_id is None:
            result = self._connection.execute(
                insert(releases).values(
                    version=version,
                    notes=notes,
                    published_by=self._uow.actor.reference,
                    published_at=self._uow.now,
                )
            )
            (release_id,) = result.inserted_primary_key or (0,)
        self._connection.execute(
            insert(release_images).values(
                release_id=release_id,
                board=image.fit.board,
                name=image.name,
                length=image.length,
                sha256=image.sha256,
                revision_from=image.fit.revision_from,
                revision_to=image.fit.revision_to,
                abi=image.fit.abi,
                release_counter=image.release_counter,
                security_counter=image.security_counter,
                data_schema=image.data_schema,
                minimum_heap_bytes=image.minimum_heap_bytes,
                beta=image.fit.beta,
                security=image.security,
                record_sha256=image.record_sha256,
            )
        )
        self._add_deltas(release_id, image)
        return self.get(release_id)

    def _add_deltas(self, release_id: int, image: ReleaseImage) -> None:
        rows = [
            {
                "release_id": release_id,
                "board": image.fit.board,
                "base_version": delta.base_version,
                "name": delta.name,
                "length": delta.length,
                "sha256": delta.sha256,
            }
            for delta in image.deltas
        ]
        if rows:
            self._connection.execute(insert(release_deltas), rows)

    def _release(self, row: Row[Any]) -> Release:
        found = self._connection.execute(_IMAGES, {"of_release": row.id}).all()
        deltas = self._connection.execute(_DELTAS, {"of_release": row.id}).all()
        images = {r.board: _image(r, [each for each in deltas if each.board == r.board]) for r in found}
        return Release(row.id, row.version, row.notes, row.published_by, row.published_at, images)


_BY_VERSION = select(releases).where(releases.c.version == bindparam("of_version"))
_IMAGES = select(release_images).where(release_images.c.release_id == bindparam("of_release"))
_DELTAS = (
    select(release_deltas)
    .where(release_deltas.c.release_id == bindparam("of_release"))
    .order_by(release_deltas.c.length)
)


def _image(row: Row[Any], deltas: Sequence[Row[Any]]) -> ReleaseImage:
    return ReleaseImage(
        name=row.name,
        length=row.length,
        sha256=row.sha256,
        fit=Fit(row.board, row.revision_from, row.revision_to, row.abi, row.beta),
        release_counter=row.release_counter,
        security_counter=row.security_counter,
        data_schema=row.data_schema,
        minimum_heap_bytes=row.minimum_heap_bytes,
        security=row.security,
        record_sha256=row.record_sha256,
        deltas=tuple(ReleaseDelta(each.base_version, each.name, each.length, each.sha256) for each in deltas),
    )
