"""Lists of units over HTTP: a CSV file in, with a line of JSON a row as it is judged; the inventory out as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import File, UploadFile
from fastapi.responses import StreamingResponse

from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.unit_import import MAX_IMPORT_BYTES, RowReport
from fleet.services.unit_imports import ImportMode, Summary

router = PermittedRouter(tags=["unit imports"])

LINES: Final = "application/x-ndjson"
CSV: Final = "text/csv; charset=utf-8"
LINES_AT_ONCE: Final = 200


@router.post(
    "/v1/unit-imports",
    permission=Permission.MAC_MANAGE,
    max_body_size=MAX_IMPORT_BYTES + 1024 * 1024,
    response_class=StreamingResponse,
    responses={200: {"content": {LINES: {}}, "description": "A JSON object a row, and a summary as the last one."}},
)
def import_units(
    actor: ActorDep,
    services: ServicesDep,
    file: Annotated[UploadFile, File()],
    mode: ImportMode = ImportMode.WHOLE,
) -> StreamingResponse:
    """Take in a list of units. An answer that ends without a summary was cut: send the file again."""
    reports = services.unit_imports.begin(actor, file.file, mode)
    return StreamingResponse(_lines(reports), media_type=LINES)


@router.get(
    "/v1/inventory",
    permission=Permission.MAC_MANAGE,
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "Every unit with its addresses."}},
)
def export_inventory(actor: ActorDep, services: ServicesDep) -> StreamingResponse:
    """Every unit with its addresses, as CSV that an import reads."""
    headers = {"Content-Disposition": 'attachment; filename="inventory.csv"'}
    return StreamingResponse(services.unit_imports.export(actor), media_type=CSV, headers=headers)


def _lines(reports: Iterator[RowReport | Summary]) -> Iterator[str]:
    waiting: list[str] = []
    for report in reports:
        facts: dict[str, Any] = asdict(report)
        waiting.append(json.dumps({"summary": facts} if isinstance(report, Summary) else facts))
        if len(waiting) == LINES_AT_ONCE:
            yield "\n".join([*waiting, ""])
            waiting.clear()
    yield "\n".join([*waiting, ""])
