"""What the bodies of several routes have in common: the values they carry and the bounds they keep."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from fleet.domain.reason import MAX_WHY_CHARACTERS
from protocol.wire.errors import WireError
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import LENGTH, check_serial

MAX_BLOB_CHARACTERS = 16_384


def _serial(text: str) -> str:
    try:
        return str(check_serial(text))
    except WireError as error:
        raise ValueError(str(error)) from None


def _mac(text: str) -> str:
    return str(parse_mac(text))


def parse_mac(text: str) -> MacAddress:
    """The MAC address in any of its written forms; ValueError for what is none."""
    try:
        mac: MacAddress = MacAddress.parse(text)
    except WireError as error:
        raise ValueError(str(error)) from None
    return mac


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None
    return text


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant lies in the years 1 to 9999 of UTC") from None


SerialField = Annotated[str, Field(max_length=LENGTH), AfterValidator(_serial)]
MacField = Annotated[str, Field(max_length=17), AfterValidator(_mac)]
Base64Field = Annotated[str, Field(max_length=MAX_BLOB_CHARACTERS), AfterValidator(_base64)]
InstantField = Annotated[AwareDatetime, AfterValidator(_utc)]
ReferenceField = Annotated[str, Field(max_length=32)]
WhyField = Annotated[str, Field(min_length=1, max_length=MAX_WHY_CHARACTERS)]


class WhyIn(BaseModel):
    """The reason for an act, kept with it."""

    reason: WhyField


class OnRecordIn(BaseModel):
    """`administrator`: on record for it, as PE-1; null: who asks, or the account's only one."""

    administrator: ReferenceField | None = None


class ParcelIn(BaseModel):
    carrier: str = Field(min_length=1, max_length=60)
    tracking: str = Field(default="", max_length=120)
