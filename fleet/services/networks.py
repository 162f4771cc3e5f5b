"""Where units are on the internet, by the operator's table, and which countries get no service (ER 6, ToS 32.o)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet.domain.public_network import KnownPrefix, Whereabouts, check_country, known_prefix, prefixes_of, whereabouts
from fleet.domain.reason import check_why
from fleet.services.csv_table import csv_rows
from fleet.services.downlinks import Downlinks
from fleet.services.line_levels import set_line
from fleet.services.mac_blocks import require_inventory
from fleet.store.locations import WhereaboutsRepository
from fleet.store.networks import ExportBlock, ExportBlockRepository, NetworkRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

COLUMNS: Final = ("prefix", "country", "network")
MAX_PREFIXES: Final = 1_000_000
MAX_REPORTED: Final = 20
BATCH_UNITS: Final = 100
Change = Callable[[UnitOfWork, str], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load came to: `refused` names the first lines that are wrong; with any, nothing was changed."""

    prefixes: int
    refused: Sequence[str]


class Networks:
    """The operator's table of networks and its export block list."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    def load(self, actor: Actor, file: BinaryIO, dry_run: bool) -> Loaded:
        """Replace the table by the file's, all or nothing. Units are looked up in it when they connect."""
        require_inventory(actor, Permission.NETWORK_MANAGE)
        found, refused = _read(csv_rows(file, COLUMNS))
        if refused or dry_run:
            return Loaded(len(found), refused)
        with self._transactions.begin(actor) as uow:
            NetworkRepository(uow).replace(list(found.values()))
            uow.audit(AuditAction.NETWORK_LOAD, "networks", ["prefix", "country", "network"])
            uow.commit()
        return Loaded(len(found), [])

    def blocks(self, actor: Actor) -> list[ExportBlock]:
        """The countries on the export block list."""
        require_inventory(actor, Permission.NETWORK_MANAGE)
        with self._transactions.read(actor) as uow:
            return ExportBlockRepository(uow).all()

    def block(self, actor: Actor, country: str, why: str) -> None:
        """Put a country on the list: its units have no line from now on."""
        check_why(why)

        def change(uow: UnitOfWork, code: str) -> None:
            if ExportBlockRepository(uow).has(code):
                raise ConflictError(f"{code} is on the export block list already")
            ExportBlockRepository(uow).add(code, why)

        self._change(actor, country, AuditAction.EXPORT_BLOCK, change)

    def unblock(self, actor: Actor, country: str) -> None:
        """Take a country off the list: its units have their lines again."""

        def change(uow: UnitOfWork, code: str) -> None:
            if not ExportBlockRepository(uow).has(code):
                raise NotFoundError(f"{code} is not on the export block list")
            ExportBlockRepository(uow).remove(code)

        self._change(actor, country, AuditAction.EXPORT_UNBLOCK, change)

    def _change(self, actor: Actor, country: str, action: AuditAction, change: Change) -> None:
        require_inventory(actor, Permission.NETWORK_MANAGE)
        code = check_country(country)
        with self._transactions.begin(actor) as uow:
            change(uow, code)
            uow.audit(action, code, ["country"])
            uow.commit()
        self._set_lines(actor, code)

    def _set_lines(self, actor: Actor, country: str) -> None:
        """A batch of units a transaction; one that is cut off on the way is put right when its unit registers."""
        after = ""
        while True:
            with self._transactions.begin(actor) as uow:
                serials = WhereaboutsRepository(uow).seen_in(country, BATCH_UNITS, after)
                for serial in serials:
                    set_line(uow, UnitRepository(uow).hold(serial), self._downlinks)
                uow.commit()
            if not serials:
                return
            after = serials[-1]


class Sightings:
    """What the broker's door sees of units: from which address each connects."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def saw(self, actor: Actor, serial: str, address: str) -> None:
        """Keep which network and country the unit connects from, where that is new; never the address itself."""
        with self._transactions.read(actor) as uow:
            prefixes = prefixes_of(address)
            found = whereabouts(address, NetworkRepository(uow).longest(prefixes) if prefixes else None)
            known = WhereaboutsRepository(uow).of(serial)
        if found not in (known, Whereabouts()):
            with self._transactions.begin(actor) as uow:
                WhereaboutsRepository(uow).save(serial, found)
                uow.commit()


def _read(rows: Iterable[tuple[int, Sequence[str]]]) -> tuple[dict[str, KnownPrefix], list[str]]:
    found: dict[str, KnownPrefix] = {}
    refused: list[str] = []
    for line, cells in rows:
        try:
            row = known_prefix(*cells)
            if row.prefix in found:
                raise InvalidError(f"{row.prefix} stands twice")
            found[row.prefix] = row
        except InvalidError as error:
            refused.append(f"line {line}: {error}")
            if len(refused) == MAX_REPORTED:
                break
        if len(found) > MAX_PREFIXES:
            raise InvalidError(f"a table has at most {MAX_PREFIXES} prefixes")
    return found, refused
