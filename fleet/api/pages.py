"""Lists are cursor pages: an opaque cursor names the last row seen, never an offset."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from fleet.domain.errors import InvalidError
from fleet.domain.references import MAX_REFERENCE_DIGITS

DEFAULT_PAGE_ROWS: Final = 50
MAX_PAGE_ROWS: Final = 200
MAX_CURSOR_CHARACTERS: Final = 200

Item = TypeVar("Item")
Row = TypeVar("Row")


class Page(BaseModel, Generic[Item]):
    """What a list answers: `next` is the cursor of the following page, null on the last one."""

    items: list[Item]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`limit` rows after the row whose key is `after` (None: from the start)."""

    limit: int
    after: str | None

    @property
    def after_id(self) -> int | None:
        """`after` where the key is a number; InvalidError for a cursor of another list."""
        if self.after is None:
            return None
        if not self.after.isdecimal() or len(self.after) > MAX_REFERENCE_DIGITS:
            raise InvalidError(f"this cursor belongs to another list: {encode_cursor(self.after)!r}")
        return int(self.after)


def encode_cursor(key: str | int) -> str:
    """The opaque text that stands for a row's key."""
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """The key in a cursor; InvalidError for text we never handed out."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidError(f"cursor {cursor!r} is none of ours; take `next` of the page before, unchanged") from None


def page_request(
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ROWS)] = DEFAULT_PAGE_ROWS,
    cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_CHARACTERS)] = None,
) -> PageRequest:
    """The `limit` and `cursor` of the query string."""
    return PageRequest(limit, None if cursor is None else decode_cursor(cursor))


PageDep = Annotated[PageRequest, Depends(page_request)]


def make_page(
    rows: Iterable[Row], limit: int, key: Callable[[Row], str | int], present: Callable[[Row], Item]
) -> Page[Item]:
    """A page of `rows`, of which the repository was asked for `limit + 1` to see whether more follow."""
    found = list(rows)
    shown = found[:limit]
    following = encode_cursor(key(shown[-1])) if len(found) > limit else None
    return Page(items=[present(row) for row in shown], next=following)


def etag(version: int) -> str:
    """The ETag of a resource's version."""
    return f'"{version}"'


def version_of(tag: str | None) -> int | None:
    """The version in an `If-Match` header, None for any; InvalidError for a tag we never handed out."""
    if tag is None or tag == "*":
        return None
    version = tag.removeprefix("W/").strip('"')
    if not version.isdecimal() or len(version) > MAX_REFERENCE_DIGITS:
        raise InvalidError(f"If-Match takes the ETag that was read, got {tag[:40]!r}")
    return int(version)
