"""A block of MAC addresses the operator owns, handed out in order and never twice (equipment rules, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fleet.domain.errors import InvalidError
from fleet.domain.mac_address import AddressState
from protocol.wire.mac import MacAddress

MAC_BITS = 48


class Registry(StrEnum):
    """The IEEE registry an assignment comes from."""

    MA_L = "MA-L"
    MA_M = "MA-M"
    MA_S = "MA-S"


PREFIX_BITS = {Registry.MA_L: 24, Registry.MA_M: 28, Registry.MA_S: 36}


@dataclass(frozen=True, slots=True)
class MacBlock:
    """The addresses from `first` on, `size` of them."""

    id: int
    registry: Registry
    first: MacAddress
    size: int
    note: str

    @property
    def last(self) -> MacAddress:
        """The last address of the block."""
        last: MacAddress = MacAddress.from_int(int(self.first) + self.size - 1)
        return last


@dataclass(frozen=True, slots=True)
class BlockCount:
    """A block and how many of its addresses are in which state; together they are its size."""

    block: MacBlock
    counts: Mapping[AddressState, int]

    @property
    def taken(self) -> int:
        """How many are not free."""
        return self.block.size - self.counts[AddressState.FREE]


def block_size(registry: Registry, first: MacAddress, prefix_bits: int | None, last: MacAddress | None) -> int:
    """How many addresses a block has that is given by its prefix or its last address; InvalidError if it is unfit.

    A block lies within one assignment of its registry, and holds universally administered unicast addresses only.
    """
    if first.is_multicast or first.is_local:
        kind = "multicast" if first.is_multicast else "locally administered"
        raise InvalidError(f"{first} is {kind}; a block comes from an IEEE registry")
    if (prefix_bits is None) == (last is None):
        raise InvalidError("a block is given by either its prefix_bits or its last address")
    assignment = PREFIX_BITS[registry]
    if prefix_bits is not None:
        if not assignment <= prefix_bits <= MAC_BITS:
            raise InvalidError(
                f"an {registry} block has a prefix of {assignment} to {MAC_BITS} bits, got {prefix_bits}"
            )
        size = 1 << (MAC_BITS - prefix_bits)
        if int(first) % size:
            raise InvalidError(f"{first} is not the first address of a {prefix_bits} bit prefix")
        return size
    start, end, host_bits = int(first), int(last or first), MAC_BITS - assignment
    if end < start or start >> host_bits != end >> host_bits:
        raise InvalidError(f"{first} to {last} does not lie within one {registry} assignment of {assignment} bits")
    return end - start + 1
