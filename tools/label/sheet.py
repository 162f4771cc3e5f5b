"""Labels on pages of peel-off sheets, for an office printer."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from tools.label.drawing import WHITE, to_dots
from tools.label.errors import LabelError
from tools.label.template import SheetTemplate


def lay_out(template: SheetTemplate, labels: Sequence[Image.Image], dpi: int, used: int = 0) -> list[Image.Image]:
    """The pages; the first begins after `used` places. LabelError for a label that is larger than its place."""
    if not 0 <= used < template.places:
        raise LabelError(f"sheet {template.name} has {template.places} places, {used} of them cannot be used up")
    room = tuple(to_dots(side, dpi) for side in template.label)
    pages: list[Image.Image] = []
    for number, label in enumerate(labels, used):
        if label.width > room[0] or label.height > room[1]:
            raise LabelError(
                f"a label of {label.width} x {label.height} dots does not fit sheet {template.name}, "
                f"whose labels have {room[0]} x {room[1]}; choose another sheet or another --dpi"
            )
        place = number % template.places
        if place == 0 or not pages:
            pages.append(Image.new("1", (to_dots(template.page[0], dpi), to_dots(template.page[1], dpi)), WHITE))
        row, column = divmod(place, template.columns)
        x = to_dots(template.first[0] + column * template.pitch[0], dpi)
        y = to_dots(template.first[1] + row * template.pitch[1], dpi)
        pages[-1].paste(label, (x, y))
    return pages
