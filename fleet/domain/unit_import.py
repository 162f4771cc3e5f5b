"""A row of an operator's own list of units, read strictly: each column checked, each refusal with the value seen.

One unit a row; the first row names the columns. What a spreadsheet puts before a value to keep it text (`'`) is
taken off again, so that an export can be imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from fleet.domain.errors import FleetError, InvalidError
from fleet.domain.lease import Outcome
from fleet.domain.mac_address import MAX_MACS_PER_UNIT
from fleet.domain.ownership import Ownership
from fleet.domain.unit import UnitCondition, check_board_uid
from protocol.wire.errors import WireError
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import check_serial

MAX_IMPORT_ROWS: Final = 250_000
MAX_IMPORT_BYTES: Final = 64 * 1024 * 1024
MAX_LINE_CHARACTERS: Final = 2048
MAX_SHOWN_CHARACTERS: Final = 60
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r")
DELIMITERS: Final = (",", ";", "\t")


Choice = TypeVar("Choice", bound=StrEnum)


class Column(StrEnum):
    """The columns an import knows; those of an export that it does not read stand in EXPORT_ONLY."""

    SERIAL = "serial"
    MAC = "mac"
    FURTHER_MACS = "further_macs"
    BOARD = "board"
    HARDWARE_REVISION = "hardware_revision"
    CONDITION = "condition"
    OWNERSHIP = "ownership"
    BOARD_UID = "board_uid"


REQUIRED: Final = (Column.SERIAL, Column.MAC, Column.BOARD, Column.HARDWARE_REVISION)
EXPORT_ONLY: Final = ("custody", "trust", "account", "epoch", "mac_block", "made_at")


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """What an import asks of the board catalogue: hardware revisions it may have, and MACs a unit of it has."""

    revision_from: int
    revision_to: int
    macs: int


Catalogue = Callable[[str], BoardFacts | None]


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A well-formed row; `macs` begins with the base MAC, `board_uid` is None where the list does not say."""

    line: int
    serial: str
    macs: tuple[MacAddress, ...]
    board: str
    hardware_revision: int
    condition: UnitCondition
    ownership: Ownership
    board_uid: bytes | None


@dataclass(frozen=True, slots=True)
class RowReport:
    """What becomes of the row on `line` of the file; `serial` as the file has it."""

    line: int
    serial: str
    outcome: Outcome
    reason: str = ""


class RowError(FleetError):
    """A row no unit can be made of."""

    code = "invalid"


def read_header(line: str) -> tuple[str, list[str]]:
    """The file's delimiter and its columns in order; InvalidError for a file that is no list of units."""
    delimiter = max(DELIMITERS, key=line.count)
    names = [name.strip().strip('"').strip().lower().replace(" ", "_") for name in line.split(delimiter)]
    missing = [column for column in REQUIRED if column not in names]
    if missing:
        raise InvalidError(f"the first row names the columns; {', '.join(missing)} missing, got {_shown(line)}")
    unknown = [name for name in names if name not in (*Column, *EXPORT_ONLY)]
    if unknown:
        raise InvalidError(f"no column is called {_shown(unknown[0])}; known: {', '.join((*Column, *EXPORT_ONLY))}")
    if len(set(names)) != len(names):
        raise InvalidError(f"a column comes twice in {_shown(line)}")
    return delimiter, names


def parse_row(line: int, names: Sequence[str], cells: Sequence[str], catalogue: Catalogue) -> ImportRow:
    """The unit that a row describes; RowError says which value is wrong."""
    if len(cells) != len(names):
        raise RowError(f"has {len(cells)} cells, the first row {len(names)}")
    values = {name: _plain(cell) for name, cell in zip(names, cells, strict=True)}
    board, revision = values[Column.BOARD], values[Column.HARDWARE_REVISION]
    facts = catalogue(board)
    if facts is None:
        raise RowError(f"no board is called {_shown(board)}")
    if not (revision.isascii() and revision.isdecimal()) or len(revision) > 3:
        raise RowError(f"a hardware revision is a number, got {_shown(revision)}")
    if not facts.revision_from <= int(revision) <= facts.revision_to:
        raise RowError(f"{board} has revisions {facts.revision_from} to {facts.revision_to}, got {revision}")
    return ImportRow(
        line=line,
        serial=_serial(values[Column.SERIAL]),
        macs=_macs(values, facts.macs),
        board=board,
        hardware_revision=int(revision),
        condition=_one_of(UnitCondition, values, Column.CONDITION, UnitCondition.NEW),
        ownership=_one_of(Ownership, values, Column.OWNERSHIP, Ownership.OPERATOR),
        board_uid=_board_uid(values.get(Column.BOARD_UID, "")),
    )


def safe_cell(text: str) -> str:
    """`text` as a cell no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def _plain(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_SIGNS) else text


def _serial(text: str) -> str:
    try:
        return str(check_serial(text.upper()))
    except WireError as error:
        raise RowError(str(error)) from None


def _macs(values: Mapping[str, str], expected: int) -> tuple[MacAddress, ...]:
    texts = [values[Column.MAC], *values.get(Column.FURTHER_MACS, "").replace("|", " ").split()]
    if len(texts) > MAX_MACS_PER_UNIT:
        raise RowError(f"a unit has at most {MAX_MACS_PER_UNIT} MAC addresses, got {len(texts)}")
    if len(texts) != expected:
        raise RowError(f"{values[Column.BOARD]} has {expected} MAC addresses, got {len(texts)}")
    macs = tuple(map(_mac, texts))
    if len(set(macs)) != len(macs):
        raise RowError(f"a MAC address comes twice: {', '.join(map(str, macs))}")
    return macs


def _mac(text: str) -> MacAddress:
    try:
        mac: MacAddress = MacAddress.parse(text)
    except WireError:
        raise RowError(f"not a MAC address: {_shown(text)}; write it as 00:1A:2B:3C:4D:5E") from None
    if mac.is_multicast or mac.is_local:
        raise RowError(f"{mac} is {'multicast' if mac.is_multicast else 'locally administered'}")
    return mac


def _one_of(kind: type[Choice], values: Mapping[str, str], column: Column, default: Choice) -> Choice:
    text = values.get(column, "").lower()
    if not text:
        return default
    try:
        return kind(text)
    except ValueError:
        raise RowError(f"{column} is one of {', '.join(kind)}, got {_shown(text)}") from None


def _board_uid(text: str) -> bytes | None:
    try:
        return check_board_uid(text) if text else None
    except InvalidError as error:
        raise RowError(str(error)) from None


def _shown(text: str) -> str:
    return repr(text[:MAX_SHOWN_CHARACTERS])
