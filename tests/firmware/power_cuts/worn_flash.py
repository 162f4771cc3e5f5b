"""A flash after years of use: every store is about to turn over.

The sequence numbers of the records stand before a power of two, the ring of the event log before the end of a block,
and littlefs before the erase with which it gives up a block of its directory for a fresh one (every 101st).
"""

from __future__ import annotations

import random

from adapter.event_log import EventLog
from adapter.records import RecordPair
from tests.firmware.power_cuts import stand_ins
from tests.firmware.power_cuts.nor_flash import BLOCK_BYTES, PARTITIONS, NorFlash

_SEQUENCES = (0xFE, 0xFFFE, 0xFFFFFE, 0x7FFFFFFD, 0xFFFFFF00)
_RECORD_BYTES = 32
_CYCLES = 101  # littlefs: block_cycles 100, made odd
_MAX_PUTS = 4000


def worn(blocks: list[bytes], chance: random.Random) -> list[bytes]:
    """The flash `blocks` after years."""
    flash = NorFlash(blocks, 0)
    pair = RecordPair(flash.partition("boot_record"))
    payload = pair.load()
    pair._sequence = chance.choice(_SEQUENCES)
    pair.store(payload)
    log = EventLog(flash.partition("event_log"))
    per_block = BLOCK_BYTES // _RECORD_BYTES
    for number in range(per_block * chance.randrange(1, 9) - chance.randrange(1, 6)):
        log.append(0, number, 0, 0)
    _wear_files(flash, chance)
    return flash.blocks


def _wear_files(flash: NorFlash, chance: random.Random) -> None:
    """Puts and deletes until the directory's next erases are the ones that move it."""
    files = stand_ins.metadata_files().MetadataFiles(flash.partition("data"))
    wanted = _CYCLES - chance.randrange(1, 4)
    for _ in range(_MAX_PUTS):
        if _revision(flash) % _CYCLES == wanted:
            break
        files.put("wear.json", chance.randbytes(chance.randrange(10, 2000)))
    files.delete("wear.json")


def _revision(flash: NorFlash) -> int:
    """How often the directory's blocks were erased: each begins with that number."""
    start = PARTITIONS["data"][0] // BLOCK_BYTES
    first, second = (int.from_bytes(block[:4], "little") for block in flash.blocks[start : start + 2])
    return max((number for number in (first, second) if number != 0xFFFFFFFF), default=0)
