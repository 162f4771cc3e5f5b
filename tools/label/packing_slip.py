"""The slip that goes into a parcel: which units of which order, as text or PDF. It names no person, no address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

LINES_A_PAGE: Final = 60
_PAGE_POINTS: Final = (612, 792)  # US Letter; it prints on A4, too
_MARGIN_POINTS: Final = 54
_FONT_POINTS: Final = 10
_LEADING_POINTS: Final = 11.4


def as_text(picks: Mapping[str, Any], number: int) -> str:
    """The slip of parcel `number` (from 1) of a pick list as the fleet tells it."""
    parcels = picks["parcels"]
    parcel = parcels[number - 1]
    lines = [
        "Plugtone: packing slip",
        "",
        f"Order       {picks['order']} of {picks['order_date']}",
        f"Account     {picks['account']}",
        f"Parcel      {number} of {len(parcels)} so far",
        f"Shipped     {parcel['shipped_at'][:10]}, {parcel['carrier']} {parcel['tracking']}".rstrip(),
        "",
        "  No.  Serial number  MAC address        Condition    Model",
    ]
    for at, unit in enumerate(parcel["units"], 1):
        lines.append(f"{at:5}  {unit['serial']:13}  {unit['mac']}  {unit['condition']:11}  {unit['board']}")
    lines += ["", f"{len(parcel['units'])} in this parcel"]
    waits = ", ".join(f"{count} x {board}" for board, count in picks["waits_for"].items())
    lines += [f"Still to come: {waits}" if waits else "The order is complete."]
    return "\n".join(lines) + "\n"


def as_pdf(text: str) -> bytes:
    """Lines of text as a PDF in a standard font (ISO 32000-1, 9.6.2.2: Courier is in every reader)."""
    lines = text.splitlines()
    pages = [lines[at : at + LINES_A_PAGE] for at in range(0, max(len(lines), 1), LINES_A_PAGE)]
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>",
    ]
    for at, page in enumerate(pages):
        box = f"/MediaBox[0 0 {_PAGE_POINTS[0]} {_PAGE_POINTS[1]}]/Resources<</Font<</F 3 0 R>>>>"
        bodies.append(f"<</Type/Page/Parent 2 0 R{box}/Contents {5 + 2 * at} 0 R>>".encode())
        content = _content(page)
        bodies.append(f"<</Length {len(content)}>>stream\n".encode() + content + b"\nendstream")
    return _file(bodies)


def _content(lines: Sequence[str]) -> bytes:
    top = _PAGE_POINTS[1] - _MARGIN_POINTS
    head = f"BT /F {_FONT_POINTS} Tf {_LEADING_POINTS} TL {_MARGIN_POINTS} {top} Td\n".encode()
    return head + b"".join(b"(" + _escaped(line) + b") Tj T*\n" for line in lines) + b"ET"


def _escaped(line: str) -> bytes:
    text = line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return text.encode("cp1252", "replace")


def _file(bodies: Sequence[bytes]) -> bytes:
    """Objects numbered from 1, their cross-reference table and trailer (ISO 32000-1, 7.5)."""
    out, offsets = bytearray(b"%PDF-1.4\n"), list[int]()
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    out += f"trailer <</Size {len(bodies) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)
