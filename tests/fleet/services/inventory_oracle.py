"""What an inventory is, written as plainly as can be: a state for each address, looked up one by one.

Written from the equipment rules, section 2, and the rules of leases; it shares no code with the fleet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FREE, LEASED, RESERVED, GIVEN, RETIRED, WRITTEN_OFF = "free", "leased", "reserved", "given", "retired", "written_off"


@dataclass
class OracleLease:
    macs: int
    slots: dict[int, list[int]]  # number of the serial -> addresses
    used: dict[int, int] = field(default_factory=dict)  # number of the serial -> board
    state: str = "open"
    expired: bool = False


@dataclass
class Oracle:
    """Addresses are numbers. `blocks` are lists of them, in the order they were loaded."""

    blocks: list[list[int]] = field(default_factory=list)
    state: dict[int, str] = field(default_factory=dict)
    serial_of: dict[int, int] = field(default_factory=dict)
    units: dict[int, list[int]] = field(default_factory=dict)  # number of the serial -> addresses
    boards: dict[int, int] = field(default_factory=dict)  # board -> number of the serial
    taken_serials: set[int] = field(default_factory=set)
    leases: list[OracleLease] = field(default_factory=list)

    def add_block(self, first: int, size: int) -> bool:
        addresses = list(range(first, first + size))
        if any(address in self.state for address in addresses):
            return False
        self.blocks.append(addresses)
        self.state.update(dict.fromkeys(addresses, FREE))
        return True

    def next_serial(self) -> int:
        number = 1
        while number in self.taken_serials:
            number += 1
        return number

    def next_addresses(self, count: int) -> list[int] | None:
        for block in self.blocks:
            for at in range(len(block) - count + 1):
                if all(self.state[address] == FREE for address in block[at : at + count]):
                    return block[at : at + count]
        return None

    def tie(self, number: int, addresses: list[int], state: str) -> None:
        self.taken_serials.add(number)
        for address in addresses:
            assert self.state[address] == FREE
            self.state[address], self.serial_of[address] = state, number

    def make_unit(self, number: int, addresses: list[int], board: int, state: str) -> None:
        self.units[number], self.boards[board] = addresses, number
        for address in addresses:
            self.state[address] = state

    def allocate(self, board: int, macs: int) -> int | None:
        if board in self.boards:
            return self.boards[board]
        addresses = self.next_addresses(macs)
        if addresses is None:
            return None
        number = self.next_serial()
        self.tie(number, addresses, RESERVED)
        self.make_unit(number, addresses, board, RESERVED)
        return number

    def scrap(self, number: int) -> None:
        for address in self.units[number]:
            self.state[address] = RETIRED

    def fits(self, units: int, macs: int) -> bool:
        return sum(self.runs_of(block, macs) for block in self.blocks) >= units

    def runs_of(self, block: list[int], macs: int) -> int:
        """How many times `macs` addresses in a row can be taken from the lowest on, range by range."""
        found, length = 0, 0
        for address in [*block, -1]:
            if address >= 0 and self.state[address] == FREE:
                length += 1
            else:
                found, length = found + length // macs, 0
        return found

    def lease(self, units: int, macs: int) -> OracleLease | None:
        if not self.fits(units, macs):
            return None
        lease = OracleLease(macs, {})
        for _ in range(units):
            number, addresses = self.next_serial(), self.next_addresses(macs)
            assert addresses is not None
            self.tie(number, addresses, LEASED)
            lease.slots[number] = addresses
        self.leases.append(lease)
        return lease

    def use(self, lease: OracleLease, number: int, board: int) -> str:
        if number not in lease.slots:
            return "refused"
        if number in lease.used:
            return "unchanged" if lease.used[number] == board else "refused"
        if board in self.boards:
            return "refused"
        lease.used[number] = board
        self.make_unit(number, lease.slots[number], board, RESERVED)
        return "accepted"

    def settle(self, lease: OracleLease, used: int, refused: set[int]) -> bool:
        aside = refused - set(lease.used)
        if used != len(lease.used) + len(aside):
            return False
        if lease.state != "settled":
            lease.state = "settled"
            for number in aside & set(lease.slots):
                for address in lease.slots[number]:
                    self.state[address] = WRITTEN_OFF
            for number in set(lease.slots) - set(lease.used) - aside:
                for address in lease.slots.pop(number):
                    self.state[address] = FREE
                    del self.serial_of[address]
                self.taken_serials.discard(number)
        return True

    def write_off(self, lease: OracleLease) -> bool:
        if lease.state != "open":
            return False
        lease.state = "written_off"
        for number in set(lease.slots) - set(lease.used):
            for address in lease.slots[number]:
                self.state[address] = WRITTEN_OFF
        return True

    def import_row(self, number: int, addresses: list[int]) -> str:
        if number in self.units:
            return "unchanged" if self.units[number] == addresses else "refused"
        if number in self.taken_serials or any(self.state.get(address) != FREE for address in addresses):
            return "refused"
        self.tie(number, addresses, GIVEN)
        self.make_unit(number, addresses, -number, GIVEN)
        return "accepted"

    def counts(self) -> list[dict[str, int]]:
        found = []
        for block in self.blocks:
            count = dict.fromkeys((FREE, LEASED, RESERVED, GIVEN, RETIRED, WRITTEN_OFF), 0)
            for address in block:
                count[self.state[address]] += 1
            found.append(count)
        return found
