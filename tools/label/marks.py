"""Regulatory marks as vectors: the file `marks.toml`, and how a mark is drawn at any size.

A shape is a list of corners, [x, y], and of arcs, [x, y, radius, from, to] in degrees clockwise from the right; it is
filled, or cut out of what was drawn before where `cut` says so.
"""

from __future__ import annotations

from functools import cache
from math import cos, radians, sin
from typing import Annotated, Final

from PIL import Image, ImageDraw
from pydantic import BaseModel, ConfigDict, Field

from tools.label.errors import LabelError
from tools.label.template import FOLDER, parse

_OVERSAMPLING: Final = 4  # drawn that much larger, then every dot is what most of it is
_ARC_STEPS: Final = 64


class Shape(BaseModel):
    """A filled outline, or a hole."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    outline: list[Annotated[list[float], Field(min_length=2, max_length=5)]] = Field(min_length=1)
    cut: bool = False


class MarkDrawing(BaseModel):
    """A mark of `width` x `height` units, and who says what it looks like."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str
    width: float = Field(gt=0)
    height: float = Field(gt=0)
    shapes: list[Shape] = Field(min_length=1)


class Marks(BaseModel):
    """Every mark there is, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    marks: dict[str, MarkDrawing]


@cache
def marks() -> dict[str, MarkDrawing]:
    """The marks of `marks.toml`."""
    return parse(Marks, (FOLDER / "marks.toml").read_text(encoding="utf-8"), "marks").marks


def draw_mark(image: Image.Image, name: str, box: tuple[int, int, int, int], lowest: float) -> None:
    """Draw a mark as large as `box` (dots) takes it; LabelError if it would be less than `lowest` dots high."""
    mark = marks().get(name)
    if mark is None:
        raise LabelError(f"no mark is called {name!r}; known: {', '.join(sorted(marks()))}")
    left, top, right, bottom = box
    scale = min((right - left) / mark.width, (bottom - top) / mark.height)
    wide, high = round(mark.width * scale), round(mark.height * scale)
    if high + 0.5 < lowest:
        raise LabelError(
            f"mark {name} would be {high} dots high, at least {lowest:.0f} are asked; give it a larger box"
        )
    drawing = Image.new("L", (wide * _OVERSAMPLING, high * _OVERSAMPLING), 255)
    for shape in mark.shapes:
        ImageDraw.Draw(drawing).polygon(_corners(shape, scale * _OVERSAMPLING), fill=255 if shape.cut else 0)
    drawing = drawing.resize((wide, high), Image.Resampling.BOX).point(lambda grey: 255 if grey > 127 else 0)
    image.paste(drawing, (left + (right - left - wide) // 2, top + (bottom - top - high) // 2))


def _corners(shape: Shape, scale: float) -> list[tuple[float, float]]:
    corners = []
    for x, y, *arc in shape.outline:
        if not arc:
            corners.append((x * scale, y * scale))
            continue
        radius, start, end = arc
        for step in range(_ARC_STEPS + 1):
            angle = radians(start + (end - start) * step / _ARC_STEPS)
            corners.append(((x + radius * cos(angle)) * scale, (y + radius * sin(angle)) * scale))
    return corners
