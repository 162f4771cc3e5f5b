"""What a label or a sheet of labels looks like: one TOML file each, in millimetres from the upper left corner.

A file is refused when an element reaches over the label's edge, lies over another, or names a value that no unit has.
"""

from __future__ import annotations

import string
import tomllib
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tools.label.errors import LabelError

FOLDER: Final = Path(__file__).resolve().parent / "templates"
MAX_LABEL_MM: Final = 300.0
MAX_PAGE_MM: Final = 450.0
MAX_LABELS_A_PAGE: Final = 200
NAMES: Final = frozenset(
    {
        "serial", "mac", "mac_digits", "claim_address", "hardware_revision", "condition",
        "model", "power", "compliance",
    }
)  # fmt: skip

_TOUCH_MM: Final = 1e-6  # boxes that share an edge do not lie over each other

Kind = TypeVar("Kind", bound=BaseModel)
Millimetres = Annotated[float, Field(gt=0, le=MAX_LABEL_MM)]
Offset = Annotated[float, Field(ge=0, le=MAX_LABEL_MM)]


class _Fixed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Element(_Fixed):
    """A box on the label; quiet zones lie within it. `name` is what an error calls it."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    x: Offset
    y: Offset
    width: Millimetres
    height: Millimetres


class _Worded(_Element):
    text: Annotated[str, Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        used = {name for _, name, _, _ in string.Formatter().parse(self.text) if name is not None}
        if not used <= NAMES:
            raise ValueError(
                f"{self.name}: no unit has {', '.join(sorted(used - NAMES))}; use {', '.join(sorted(NAMES))}"
            )
        return self


class Text(_Worded):
    """One line of text as high as its box; several if `lines` says so."""

    kind: Literal["text"]
    lines: int = Field(default=1, ge=1, le=8)
    align: Literal["left", "centre", "right"] = "left"


class Code128(_Worded):
    """Bars of the text (ISO/IEC 15417), as wide as fit and never under `module_mm`."""

    kind: Literal["code128"]
    module_mm: float = Field(default=0.25, ge=0.19, le=1)


class Qr(_Worded):
    """A QR code of the text (ISO/IEC 18004), as large as fits and never under `module_mm`."""

    kind: Literal["qr"]
    module_mm: float = Field(default=0.25, ge=0.19, le=2)


class Mark(_Element):
    """A regulatory mark, drawn from `marks.toml`, as large as its box takes it and never under `lowest_mm` high."""

    kind: Literal["mark"]
    mark: str
    lowest_mm: float = Field(default=5, ge=2, le=50)


Element = Annotated[Text | Code128 | Qr | Mark, Field(discriminator="kind")]


class LabelTemplate(_Fixed):
    """A label of `width` x `height` millimetres."""

    name: str
    width: Millimetres
    height: Millimetres
    elements: list[Element] = Field(min_length=1, max_length=60)

    @model_validator(mode="after")
    def _elements_have_their_place(self) -> Self:
        for each in self.elements:
            if each.x + each.width > self.width or each.y + each.height > self.height:
                raise ValueError(f"{each.name} reaches over the edge of a label of {self.width} x {self.height} mm")
        for one, other in combinations(self.elements, 2):
            if (
                max(one.x, other.x) < min(one.x + one.width, other.x + other.width) - _TOUCH_MM
                and max(one.y, other.y) < min(one.y + one.height, other.y + other.height) - _TOUCH_MM
            ):
                raise ValueError(f"{one.name} and {other.name} lie over each other")
        return self


class SheetTemplate(_Fixed):
    """A page with `columns` x `rows` places for labels; `pitch` is from one place's corner to the next one's."""

    name: str
    page: tuple[float, float]
    label: tuple[Millimetres, Millimetres]
    first: tuple[Offset, Offset]
    pitch: tuple[Millimetres, Millimetres]
    columns: int = Field(ge=1, le=20)
    rows: int = Field(ge=1, le=40)

    @property
    def places(self) -> int:
        """How many labels a page takes."""
        return self.columns * self.rows

    @model_validator(mode="after")
    def _places_fit_the_page(self) -> Self:
        if not all(0 < side <= MAX_PAGE_MM for side in self.page) or self.places > MAX_LABELS_A_PAGE:
            raise ValueError(f"a page is at most {MAX_PAGE_MM} mm a side, with at most {MAX_LABELS_A_PAGE} labels")
        for axis, count, word in ((0, self.columns, "columns"), (1, self.rows, "rows")):
            if count > 1 and self.pitch[axis] < self.label[axis]:
                raise ValueError(f"{word} lie over each other: pitch {self.pitch[axis]}, label {self.label[axis]} mm")
            end = self.first[axis] + (count - 1) * self.pitch[axis] + self.label[axis]
            if end > self.page[axis]:
                raise ValueError(f"{count} {word} end at {end} mm, the page at {self.page[axis]}")
        return self


def names(kind: str) -> tuple[str, ...]:
    """The templates there are; `kind` is labels or sheets."""
    return tuple(sorted(path.stem for path in (FOLDER / kind).glob("*.toml")))


@cache
def label_template(name: str) -> LabelTemplate:
    """The label called `name`, or in the file of that name; LabelError if there is none or it makes no sense."""
    return parse(LabelTemplate, _read("labels", name), name)


@cache
def sheet_template(name: str) -> SheetTemplate:
    """The sheet called `name`, or in the file of that name; LabelError as above."""
    return parse(SheetTemplate, _read("sheets", name), name)


def parse(model: type[Kind], text: str, name: str) -> Kind:
    """The template that `text` (TOML) describes; LabelError names the field and what is wrong with it."""
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise LabelError(f"template {name}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise LabelError(f"template {name}: {faults}") from error


def _read(kind: str, name: str) -> str:
    path = FOLDER / kind / f"{name}.toml" if name in names(kind) else Path(name)
    if path.suffix != ".toml" or not path.is_file():
        known = ", ".join(names(kind))
        raise LabelError(f"no template of {kind} is called {name!r}; known: {known}; or name a file ending in .toml")
    return path.read_text(encoding="utf-8")
