"""A label as a picture of black and white dots: what a thermal printer of that resolution burns.

Every module of a code is a whole number of dots, so that no printer driver and no rounding makes one wider than
another. What does not fit its box is an error that names the field: a label is never cut off silently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import segno
from barcode.codex import Code128 as Code128Bars
from barcode.errors import BarcodeError
from PIL import Image, ImageDraw, ImageFont

from tools.label.errors import LabelError
from tools.label.facts import Facts
from tools.label.marks import draw_mark
from tools.label.products import product
from tools.label.template import Code128, Element, LabelTemplate, Mark, Qr, Text

MM_AN_INCH: Final = 25.4
RESOLUTIONS_DPI: Final = (203, 300, 600)
CODE_128_QUIET_MODULES: Final = 10  # ISO/IEC 15417: clear on both sides
QR_QUIET_MODULES: Final = 4  # ISO/IEC 18004: clear on all sides
# A module may be this much smaller than its template asks, so that two dots of 203 an inch are 0.25 mm.
MODULE_TOLERANCE: Final = 0.04
LINE_SPACING: Final = 1.15
_LETTER_SHARE: Final = 0.8  # of a line's height: the font's size, so that its descent is in the line too
_PAPER: Final = 255
_INKED_BELOW: Final = 190  # a thin stroke between two dots is burnt as one, not left out
BLACK: Final = 0
WHITE: Final = 1

Box = tuple[int, int, int, int]


def to_dots(mm: float, dpi: int) -> int:
    """The dots nearest to a length."""
    return round(mm / MM_AN_INCH * dpi)


def render(template: LabelTemplate, facts: Facts, dpi: int) -> Image.Image:
    """The label of one unit, mode "1"; LabelError names the field that does not fit."""
    if dpi not in RESOLUTIONS_DPI:
        raise LabelError(f"labels are drawn for {', '.join(map(str, RESOLUTIONS_DPI))} dots an inch, not for {dpi}")
    image = Image.new("1", (to_dots(template.width, dpi), to_dots(template.height, dpi)), WHITE)
    values = facts.values | product(facts.board)
    for element in template.elements:
        try:
            _DRAW[type(element)](image, element, values, dpi)
        except LabelError as error:
            raise LabelError(f"label {template.name}, field {element.name}: {error}") from error
    return image


def box_of(element: Element, dpi: int) -> Box:
    """Left, top, right and bottom of an element in dots; right and bottom are outside."""
    return (
        to_dots(element.x, dpi),
        to_dots(element.y, dpi),
        to_dots(element.x + element.width, dpi),
        to_dots(element.y + element.height, dpi),
    )


def _draw_text(image: Image.Image, element: Text, values: dict[str, str], dpi: int) -> None:
    left, top, right, bottom = box_of(element, dpi)
    line_dots = (bottom - top) / (1 + (element.lines - 1) * LINE_SPACING)
    font = ImageFont.load_default(line_dots * _LETTER_SHARE)
    text = element.text.format_map(values)
    strange = sorted({letter for letter in text if not letter.isascii() or not letter.isprintable()})
    if strange:
        raise LabelError(f"the font has no {''.join(strange)!r}; write {text!r} in plain letters")
    lines = _broken(text, font, right - left)
    if len(lines) > element.lines:
        raise LabelError(
            f"{text!r} takes {len(lines)} lines of {element.width} mm, {element.lines} are there; "
            "shorten it or widen its box"
        )
    ink = Image.new("L", (right - left, bottom - top), _PAPER)
    for number, line in enumerate(lines):
        spare = right - left - font.getlength(line)
        x = {"left": 0.0, "centre": spare / 2, "right": spare}[element.align]
        ImageDraw.Draw(ink).text((round(x), round(number * line_dots * LINE_SPACING)), line, font=font, fill=0)
    image.paste(ink.point(lambda grey: 0 if grey < _INKED_BELOW else _PAPER), (left, top))


def _broken(text: str, font: Any, width: int) -> list[str]:
    """`text` in lines of at most `width` dots; LabelError for a word that is wider."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        elif font.getlength(word) <= width:
            lines.append(word)
        else:
            raise LabelError(f"{word!r} is wider than its box; shorten it or widen its box")
    return lines


def _draw_code_128(image: Image.Image, element: Code128, values: dict[str, str], dpi: int) -> None:
    text = _encodable(element, values)
    try:
        (modules,) = Code128Bars(text).build()
    except BarcodeError as error:
        raise LabelError(f"{text!r} is no Code 128: {error}") from error
    left, top, right, bottom = box_of(element, dpi)
    dots = _module_dots(element, right - left, len(modules) + 2 * CODE_128_QUIET_MODULES, dpi)
    start = left + (right - left - dots * len(modules)) // 2
    _draw_modules(image, [[module == "1" for module in modules]], (start, top), (dots, bottom - top))


def _draw_qr(image: Image.Image, element: Qr, values: dict[str, str], dpi: int) -> None:
    matrix = segno.make_qr(_encodable(element, values), error="m").matrix
    left, top, right, bottom = box_of(element, dpi)
    dots = _module_dots(element, min(right - left, bottom - top), len(matrix) + 2 * QR_QUIET_MODULES, dpi)
    side = dots * len(matrix)
    corner = left + (right - left - side) // 2, top + (bottom - top - side) // 2
    _draw_modules(image, [[bool(module) for module in row] for row in matrix], corner, (dots, dots))


def _encodable(element: Code128 | Qr, values: dict[str, str]) -> str:
    text = element.text.format_map(values)
    if not text:
        raise LabelError("there is nothing to encode; a unit label wants a claim code")
    return text


def _module_dots(element: Code128 | Qr, width: int, modules: int, dpi: int) -> int:
    """How many dots a module gets: the most that fit."""
    dots = width // modules
    if dots * MM_AN_INCH / dpi < element.module_mm * (1 - MODULE_TOLERANCE):
        raise LabelError(
            f"{modules} modules with their quiet zone take {modules * element.module_mm:.1f} mm of "
            f"{width * MM_AN_INCH / dpi:.1f} at {dpi} dots an inch; shorten the text or widen its box"
        )
    return dots


def _draw_modules(
    image: Image.Image, rows: Sequence[Sequence[bool]], corner: tuple[int, int], module: tuple[int, int]
) -> None:
    draw = ImageDraw.Draw(image)
    for row, modules in enumerate(rows):
        for column, dark in enumerate(modules):
            if dark:
                x, y = corner[0] + column * module[0], corner[1] + row * module[1]
                draw.rectangle((x, y, x + module[0] - 1, y + module[1] - 1), fill=BLACK)


def _draw_mark(image: Image.Image, element: Mark, _: dict[str, str], dpi: int) -> None:
    draw_mark(image, element.mark, box_of(element, dpi), element.lowest_mm / MM_AN_INCH * dpi)


_DRAW: Final[dict[type, Callable[[Image.Image, Any, dict[str, str], int], None]]] = {
    Text: _draw_text,
    Code128: _draw_code_128,
    Qr: _draw_qr,
    Mark: _draw_mark,
}
