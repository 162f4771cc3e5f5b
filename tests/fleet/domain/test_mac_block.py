"""Which blocks of MAC addresses are fit to be loaded."""

from __future__ import annotations

import pytest

from fleet.domain.errors import InvalidError
from fleet.domain.mac_address import AddressState
from fleet.domain.mac_block import BlockCount, MacBlock, Registry, block_size
from protocol.wire.mac import MacAddress


def mac(text: str) -> MacAddress:
    parsed: MacAddress = MacAddress.parse(text)
    return parsed


@pytest.mark.parametrize(
    ("registry", "first", "prefix_bits", "size"),
    [
        (Registry.MA_L, "8C:1F:64:00:00:00", 24, 1 << 24),
        (Registry.MA_M, "8C:1F:64:A0:00:00", 28, 1 << 20),
        (Registry.MA_S, "8C:1F:64:AA:B0:00", 36, 1 << 12),
        (Registry.MA_L, "8C:1F:64:00:00:07", 48, 1),
    ],
)
def test_a_prefix_gives_its_whole_size(registry: Registry, first: str, prefix_bits: int, size: int) -> None:
    assert block_size(registry, mac(first), prefix_bits, None) == size


def test_a_last_address_gives_a_part_of_an_assignment() -> None:
    size = block_size(Registry.MA_S, mac("8C:1F:64:AA:B0:10"), None, mac("8C:1F:64:AA:B0:1F"))
    assert size == 16
    assert str(MacBlock(1, Registry.MA_S, mac("8C:1F:64:AA:B0:10"), size, "").last) == "8C:1F:64:AA:B0:1F"


@pytest.mark.parametrize(
    ("registry", "first", "prefix_bits", "last", "words"),
    [
        (Registry.MA_L, "8D:1F:64:00:00:00", 24, None, "multicast"),
        (Registry.MA_L, "8E:1F:64:00:00:00", 24, None, "locally administered"),
        (Registry.MA_L, "8C:1F:64:00:00:00", None, None, "either"),
        (Registry.MA_L, "8C:1F:64:00:00:00", 24, "8C:1F:64:FF:FF:FF", "either"),
        (Registry.MA_M, "8C:1F:64:00:00:00", 24, None, "28 to 48 bits, got 24"),
        (Registry.MA_L, "8C:1F:64:00:00:00", 49, None, "24 to 48 bits, got 49"),
        (Registry.MA_S, "8C:1F:64:AA:B0:01", 36, None, "not the first address"),
        (Registry.MA_S, "8C:1F:64:AA:B0:00", None, "8C:1F:64:AA:C0:00", "within one MA-S assignment"),
        (Registry.MA_S, "8C:1F:64:AA:B0:01", None, "8C:1F:64:AA:B0:00", "within one MA-S assignment"),
    ],
)
def test_an_unfit_block_is_refused_with_the_value_seen(
    registry: Registry, first: str, prefix_bits: int | None, last: str | None, words: str
) -> None:
    with pytest.raises(InvalidError, match=words):
        block_size(registry, mac(first), prefix_bits, None if last is None else mac(last))


def test_a_block_counts_what_is_not_free() -> None:
    block = MacBlock(1, Registry.MA_S, mac("8C:1F:64:AA:B0:10"), 16, "")
    assert BlockCount(block, {AddressState.FREE: 11, AddressState.GIVEN: 4, AddressState.RETIRED: 1}).taken == 5
