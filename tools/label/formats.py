"""A label's dots as a file or a print job: PNG, PDF, ZPL; the same dots in each, none added and none lost."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from PIL import Image

from tools.label.errors import LabelError

FORMATS: Final = ("png", "pdf", "zpl")
MAX_PAGES: Final = 500
# Zebra's ZPL II Programming Guide, "Alternative Data Compression Scheme": how often the next digit stands.
_ONES: Final = " GHIJKLMNOPQRSTUVWXY"
_TWENTIES: Final = " ghijklmnopqrstuvwxyz"


def png(image: Image.Image, dpi: int) -> bytes:
    """One picture, with its resolution."""
    out = io.BytesIO()
    image.save(out, "PNG", dpi=(dpi, dpi), optimize=True)
    return out.getvalue()


def pdf(pages: Sequence[Image.Image], dpi: int) -> bytes:
    """A page a picture, as large as the picture is (CCITT group 4: lossless)."""
    if not 0 < len(pages) <= MAX_PAGES:
        raise LabelError(f"a PDF has 1 to {MAX_PAGES} pages, not {len(pages)}")
    out = io.BytesIO()
    pages[0].save(out, "PDF", resolution=dpi, save_all=True, append_images=list(pages[1:]))
    return out.getvalue()


def zpl(images: Sequence[Image.Image]) -> bytes:
    """A print job for a Zebra and its like: a format a picture, its dots by ^GFA, compressed."""
    return b"".join(_format(image) for image in images)


def _format(image: Image.Image) -> bytes:
    wide, high = image.size
    row_bytes = -(-wide // 8)
    # Pillow has white as 1 and pads with 0; the printer burns what is 1.
    inked = Image.new("1", (row_bytes * 8, high), 1)
    inked.paste(image)
    data = bytes(octet ^ 0xFF for octet in inked.tobytes())
    rows = [data[at : at + row_bytes].hex().upper() for at in range(0, len(data), row_bytes)]
    field = f"^GFA,{len(data)},{len(data)},{row_bytes},{_compressed(rows)}"
    return f"^XA^PW{wide}^LL{high}^LH0,0^FO0,0{field}^FS^PQ1^XZ\n".encode()


def _compressed(rows: Sequence[str]) -> str:
    """Digits of rows, each run as its count and digit; `:` repeats a row, `,` and `!` end one with zeros or ones."""
    out: list[str] = []
    before = None
    for row in rows:
        if row == before:
            out.append(":")
            continue
        before = row
        body, end = row, ""
        for digit, sign in (("0", ","), ("F", "!")):
            if row.endswith(2 * digit):
                body, end = row.rstrip(digit), sign
        out.append("".join(_run(digit, len(list(run))) for digit, run in groupby(body)) + end)
    return "".join(out)


def _run(digit: str, count: int) -> str:
    text = ""
    while count >= 400:
        text, count = text + "z" + digit, count - 400
    twenties, ones = divmod(count, 20)
    if count > 1:
        text += _TWENTIES[twenties].strip() + _ONES[ones].strip()
    return text + digit if count else text
