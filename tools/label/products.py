"""What a label must say of each board by law: the file `products.toml`, a table a board."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from tools.label.errors import LabelError
from tools.label.template import FOLDER, parse


class Product(BaseModel):
    """The type as declared, what it is fed with, and the words of FCC 47 CFR 2.925, 2.1077 and 15.19."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str = Field(min_length=1, max_length=40)
    power: str = Field(min_length=1, max_length=40)
    compliance: str = Field(min_length=1, max_length=200)


class Products(BaseModel):
    """Every product, by the name of its board."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    boards: dict[str, Product]


@cache
def products() -> dict[str, Product]:
    """The products of `products.toml`."""
    return parse(Products, (FOLDER / "products.toml").read_text(encoding="utf-8"), "products").boards


def product(board: str) -> dict[str, str]:
    """What the label of a unit of that board says by law; LabelError if nobody wrote it down."""
    found = products().get(board)
    if found is None:
        raise LabelError(
            f"tools/label/templates/products.toml has no board {board!r}; add what its label must say by law"
        )
    return found.model_dump()
