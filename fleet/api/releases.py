"""Releases over HTTP: publish what was signed offline, list, and the public keys `release init` needs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import File, Form, UploadFile
from pydantic import BaseModel, Field

from fleet.api.pages import Page, PageDep, make_page
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.errors import InvalidError
from fleet.domain.release import Release, ReleaseImage
from protocol.wire.image import MAX_IMAGE_BYTES
from protocol.wire.release import MAX_METADATA_BYTES

router = PermittedRouter(tags=["releases"])

MAX_METADATA_FILES: Final = 64
MAX_PAYLOADS: Final = 128  # images, deltas and records
MAX_FULL_IMAGES: Final = 16  # so many of the largest size
# Boundaries and part headers are small beside this reserve.
MAX_PUBLICATION_BYTES: Final = MAX_FULL_IMAGES * MAX_IMAGE_BYTES + MAX_METADATA_FILES * MAX_METADATA_BYTES + 1024 * 1024


class DeltaOut(BaseModel):
    """A shorter way to the image from that version; `length` in bytes."""

    base_version: str
    name: str
    length: int
    sha256: str


class ImageOut(BaseModel):
    board: str
    name: str
    length: int
    sha256: str
    revision_from: int
    revision_to: int
    abi: int
    release_counter: int
    security_counter: int
    data_schema: int
    minimum_heap_bytes: int
    beta: bool
    security: bool
    record_sha256: str | None
    deltas: list[DeltaOut]


class ImageDetailOut(ImageOut):
    """`record`: the release record as it was signed (notes, source, sbom in CycloneDX); null if there is none."""

    record: dict[str, Any] | None


class ReleaseOut(BaseModel):
    """`beta`: an image of it is for units on channel beta alone."""

    version: str
    beta: bool
    notes: str
    published_by: str
    published_at: datetime
    images: list[ImageOut]


class ReleaseDetailOut(ReleaseOut):
    images: list[ImageDetailOut]  # type: ignore[assignment]  # a field of more


class PublicationOut(BaseModel):
    """The releases a publication brought; none if it was known or held metadata alone."""

    releases: list[ReleaseOut]


class RoleOut(BaseModel):
    role: str
    version: int
    expires: datetime


class UpdateKeyOut(BaseModel):
    """A public key as TUF metadata lists it."""

    keyid: str
    key: dict[str, Any]


class OnlineKeyOut(UpdateKeyOut):
    """`next`: what takes its place once a root and targets that list it are published."""

    next: UpdateKeyOut | None


class NextKeysIn(BaseModel):
    roles: list[str] = Field(min_length=1, max_length=8)


def present_image(image: ReleaseImage) -> ImageOut:
    """An image as the API shows it."""
    return ImageOut(
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
        beta=image.beta,
        security=image.security,
        record_sha256=image.record_sha256,
        deltas=[
            DeltaOut(base_version=each.base_version, name=each.name, length=each.length, sha256=each.sha256)
            for each in image.deltas
        ],
    )


def present_release(release: Release) -> ReleaseOut:
    """A release as the API shows it."""
    return ReleaseOut(
        version=release.version,
        beta=release.beta,
        notes=release.notes,
        published_by=release.published_by,
        published_at=release.published_at,
        images=[present_image(release.images[board]) for board in sorted(release.images)],
    )


@router.post(
    "/v1/releases",
    permission=Permission.RELEASE_PUBLISH,
    status_code=201,
    max_body_size=MAX_PUBLICATION_BYTES,
)
def publish(
    actor: ActorDep,
    services: ServicesDep,
    metadata: Annotated[list[UploadFile], File(max_length=MAX_METADATA_FILES)],
    images: Annotated[list[UploadFile] | None, File(max_length=MAX_PAYLOADS)] = None,
    notes: Annotated[str, Form(max_length=10_000)] = "",
) -> PublicationOut:
    """Publish signed metadata with the images, deltas and records it lists, as `plugtone release publish` does."""
    files = _read(metadata, MAX_METADATA_BYTES)
    releases = services.releases.publish(actor, files, _read(images or [], MAX_IMAGE_BYTES), notes)
    return PublicationOut(releases=[present_release(release) for release in releases])


@router.get("/v1/releases", permission=Permission.RELEASE_READ)
def list_releases(page: PageDep, actor: ActorDep, services: ServicesDep) -> Page[ReleaseOut]:
    """Releases, newest first."""
    releases = services.releases.page(actor, page.limit + 1, page.after_id)
    return make_page(releases, page.limit, lambda release: release.id, present_release)


@router.get("/v1/releases/{version}", permission=Permission.RELEASE_READ)
def get_release(version: str, actor: ActorDep, services: ServicesDep) -> ReleaseDetailOut:
    """One release, with the record of each of its images."""
    release = services.releases.get(actor, version)
    images = [
        ImageDetailOut(**present_image(image).model_dump(), record=services.releases.record(image))
        for _, image in sorted(release.images.items())
    ]
    return ReleaseDetailOut(**present_release(release).model_dump(exclude={"images"}), images=images)


@router.get("/v1/update-keys", permission=Permission.RELEASE_READ)
def update_keys(actor: ActorDep, services: ServicesDep) -> dict[str, OnlineKeyOut]:
    """The public keys with which this fleet signs snapshot, timestamp and assignments, and those to come."""
    return {role: OnlineKeyOut(**entry) for role, entry in services.releases.update_keys(actor).items()}


@router.post("/v1/update-keys/next", permission=Permission.RELEASE_PUBLISH)
def make_next_keys(body: NextKeysIn, actor: ActorDep, services: ServicesDep) -> dict[str, OnlineKeyOut]:
    """Make the next key of each of those roles that has none; all keys then, as GET /v1/update-keys gives them."""
    return {role: OnlineKeyOut(**e) for role, e in services.releases.make_next_keys(actor, body.roles).items()}


@router.get("/v1/update-metadata", permission=Permission.RELEASE_READ)
def update_metadata(actor: ActorDep, services: ServicesDep) -> list[RoleOut]:
    """Each role of the update repository with its version and expiry; empty before the first publication."""
    return [
        RoleOut(role=each.role, version=each.version, expires=each.expires)
        for each in services.releases.metadata_status(actor)
    ]


def _read(uploads: list[UploadFile], limit: int) -> dict[str, bytes]:
    """The files by name; InvalidError for one that is too long or comes twice."""
    files: dict[str, bytes] = {}
    for upload in uploads:
        name = upload.filename or ""
        data = upload.file.read(limit + 1)
        if len(data) > limit:
            raise InvalidError(f"{name[:80]!r} has more than {limit} bytes")
        if name in files:
            raise InvalidError(f"{name[:80]!r} comes twice in this publication")
        files[name] = data
    return files
