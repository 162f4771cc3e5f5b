"""A unit's label as a picture: serial number and MAC address as text, Code 128 of the serial number, QR to claim it."""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import segno
from barcode.codex import Code128
from PIL import Image, ImageDraw, ImageFont

from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import check_serial

# 60 mm x 36 mm at 300 dots an inch.
DPI: Final = 300
WIDTH: Final = 708
HEIGHT: Final = 425
MARGIN: Final = 24
QR_SIDE: Final = 240  # 20 mm at most; its modules are as large as fit
QR_QUIET_MODULES: Final = 4  # ISO/IEC 18004: clear on all sides
BAR_DOTS: Final = 4  # a module of 0.34 mm
BAR_HEIGHT: Final = 92
QUIET_MODULES: Final = 10  # ISO/IEC 15417: clear on both sides of a Code 128
TEXT_LEFT: Final = MARGIN + QR_SIDE + 36

# Crockford's base 32: no I, L, O, U to misread.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CLAIM_CODE_CHARACTERS: Final = 12  # 60 bits


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed. `claim_url` is the page on which whoever holds the unit takes it into their account."""

    serial: str
    mac: MacAddress
    claim_url: str
    claim_code: str

    @property
    def claim_address(self) -> str:
        """What the QR code says. The code stands behind `#`: browsers do not send it, no log can hold it."""
        return f"{self.claim_url}#{check_serial(self.serial)}-{self.claim_code}"


def make_claim_code() -> str:
    """A new random claim code."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(CLAIM_CODE_CHARACTERS))


def claim_code_sha256(code: str) -> str:
    """What the fleet stores of a claim code."""
    return sha256(code.encode()).hexdigest()


def png(label: Label) -> bytes:
    """The label as a PNG of 60 mm x 36 mm."""
    image = Image.new("1", (WIDTH, HEIGHT), 1)
    draw = ImageDraw.Draw(image)
    _draw_qr(draw, label.claim_address)
    _draw_text(draw, label)
    _draw_code_128(draw, label.serial)
    out = io.BytesIO()
    image.save(out, "PNG", dpi=(DPI, DPI), optimize=True)
    return out.getvalue()


def _draw_qr(draw: ImageDraw.ImageDraw, text: str) -> None:
    matrix = segno.make_qr(text, error="m").matrix
    dots = QR_SIDE // len(matrix)
    # What the modules leave of the side goes around them; with the margin it is the quiet zone.
    start = MARGIN + (QR_SIDE - dots * len(matrix)) // 2
    start = max(start, QR_QUIET_MODULES * dots)
    for row, modules in enumerate(matrix):
        for column, dark in enumerate(modules):
            if dark:
                x, y = start + column * dots, start + row * dots
                draw.rectangle((x, y, x + dots - 1, y + dots - 1), fill=0)


def _draw_text(draw: ImageDraw.ImageDraw, label: Label) -> None:
    y = MARGIN
    for text, size, gap in (
        ("Plugtone", 44, 14),
        ("Serial number", 22, 2), (label.serial, 42, 14),
        ("MAC address", 22, 2), (str(label.mac), 42, 0),
    ):  # fmt: skip
        draw.text((TEXT_LEFT, y), text, font=ImageFont.load_default(size), fill=0)
        y += size + gap


def _draw_code_128(draw: ImageDraw.ImageDraw, text: str) -> None:
    (modules,) = Code128(text).build()
    wide = (len(modules) + 2 * QUIET_MODULES) * BAR_DOTS
    x = (WIDTH - wide) // 2 + QUIET_MODULES * BAR_DOTS
    y = HEIGHT - MARGIN - BAR_HEIGHT
    for at, module in enumerate(modules):
        if module == "1":
            left = x + at * BAR_DOTS
            draw.rectangle((left, y, left + BAR_DOTS - 1, y + BAR_HEIGHT - 1), fill=0)
