"""Readers that share nothing with what draws and writes: zxing for codes, PDFium for PDF, and one for ZPL's ^GFA."""

from __future__ import annotations

import io
import re

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

# What a warehouse's scanner is set to; with every format on, one in a thousand labels also reads as a short ITF.
FORMATS = [zxingcpp.BarcodeFormat.Code128, zxingcpp.BarcodeFormat.QRCode]


def codes(picture: Image.Image) -> list[str]:
    """What a scanner reads, sorted."""
    return sorted(each.text for each in zxingcpp.read_barcodes(picture.convert("L"), formats=FORMATS))


def of_png(data: bytes) -> Image.Image:
    """The picture in a PNG."""
    return Image.open(io.BytesIO(data))


def of_pdf(data: bytes, dpi: int) -> list[Image.Image]:
    """The picture that covers each page: its dots as PDFium decodes them; their size on paper is that of the page."""
    pages = []
    with pypdfium2.PdfDocument(data) as document:
        for page in document:
            (held,) = page.get_objects()
            picture = held.get_bitmap(render=False).to_pil().convert("L")
            assert held.get_bounds() == pytest.approx((0, 0, *page.get_size()), abs=0.01)
            assert page.get_size() == pytest.approx([72 / dpi * side for side in picture.size], abs=0.01)
            pages.append(picture)
    return pages


def rasterised(data: bytes, dpi: int) -> list[Image.Image]:
    """Every page as PDFium prints it at that resolution; it may move and blur by a part of a dot."""
    with pypdfium2.PdfDocument(data) as document:
        return [page.render(scale=dpi / 72).to_pil().convert("L") for page in document]


def of_zpl(data: bytes) -> list[Image.Image]:
    """Every label of a job, from the Programming Guide's words on ^GF."""
    return [_graphic(each) for each in re.findall(r"\^XA(.*?)\^XZ", data.decode("ascii"), re.DOTALL)]


def _graphic(label: str) -> Image.Image:
    width, height = (int(re.search(rf"\^{name}(\d+)", label)[1]) for name in ("PW", "LL"))  # type: ignore[index]
    total, stored, row_bytes, field = re.search(r"\^GFA,(\d+),(\d+),(\d+),([^^]*)", label).groups()  # type: ignore[union-attr]
    digits, row, rows, count = 2 * int(row_bytes), "", [], 0
    for sign in field:
        if "G" <= sign <= "Y":
            count += ord(sign) - ord("F")
        elif "g" <= sign <= "z":
            count += 20 * (ord(sign) - ord("f"))
        elif sign in ",!:":
            assert not count
            row = rows[-1] if sign == ":" else row.ljust(digits, "0" if sign == "," else "F")
        else:
            row, count = row + sign * max(count, 1), 0
        assert len(row) <= digits
        if len(row) == digits:
            rows.append(row)
            row = ""
    assert row == ""
    bits = bytes.fromhex("".join(rows))
    assert len(bits) == int(total) == int(stored)
    picture = Image.frombytes("1", (int(row_bytes) * 8, height), bytes(octet ^ 0xFF for octet in bits))
    return picture.crop((0, 0, width, height))
