"""The update server: signed files for units and any TUF client, with byte ranges; open to all, since all is signed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import Response
from fastapi.responses import FileResponse

from fleet.api.routing import PUBLIC, PermittedRouter, ServicesDep
from fleet.domain.errors import NotFoundError
from protocol.wire.errors import WireError
from protocol.wire.serial_number import check_serial

router = PermittedRouter(tags=["updates"])

FOREVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
FRESH: Final = {"Cache-Control": "no-cache"}


def _file(path: Path | None, name: str, media_type: str, headers: dict[str, str]) -> FileResponse:
    if path is None:
        raise NotFoundError(f"the update repository has no {name[:100]!r}")
    return FileResponse(path, media_type=media_type, headers=headers)


@router.get("/updates/metadata/{name}", permission=PUBLIC, response_class=FileResponse)
def metadata(name: str, services: ServicesDep) -> FileResponse:
    """A role's metadata: `timestamp.json`, `3.targets.json`."""
    fresh = name == "timestamp.json"
    return _file(services.repository.metadata_file(name), name, "application/json", FRESH if fresh else FOREVER)


@router.get("/updates/targets/{name}", permission=PUBLIC, response_class=FileResponse)
def target(name: str, services: ServicesDep) -> FileResponse:
    """An image, as `SHA256.NAME`."""
    return _file(services.repository.target_file(name), name, "application/octet-stream", FOREVER)


@router.get("/updates/director/{name}", permission=PUBLIC, response_class=Response)
def assignment(name: str, services: ServicesDep) -> Response:
    """The director's order to one unit, as `SERIAL.json`."""
    try:
        serial = check_serial(name.removesuffix(".json"))
    except WireError as error:
        raise NotFoundError(str(error)) from None
    if not name.endswith(".json"):
        raise NotFoundError(f"the director's files end in .json, got {name[:100]!r}")
    return Response(services.unit_updates.assignment(serial), media_type="application/json", headers=FRESH)
