"""How does a unit in service forget who it is? Its key is destroyed, and it waits for a token of the fleet's.

- The running unit only writes a wish, and restarts: its identity is sealed. Boot carries it out before it seals.
- The wish is whole or not there. From the moment it is whole every start goes on with the reset until it is
  through: cut at any byte before, the unit is as it was; cut later, the next start makes it a reset unit.
- The first record of stage RESET decides; then the half with the key is erased and written over, then what was the
  customer's is erased (settings, calls, events, the update's journal and files), and all of that is read back.
- What stays: serial number, MAC, epoch, country, the fleet's token keys, and what was measured at the bench.
"""

from adapter.errors import IdentityError
from adapter.identity import BENCH, LOCKED, RESET, TOKEN_KEYS, IdentityStore
from adapter.records import RecordPair
from adapter.reset_wish import is_wished
from protocol.wire.record import HEADER_BYTES, is_whole

_FORGOTTEN = ("settings", "call_log", "event_log", "journal", "data")
_READ_BYTES = 1024
_NO_KEY, _NO_POINT = bytes(32), bytes(65)


def carry_out(flash):
    """By boot, before the identity is sealed: does what is left to do; the stage the unit is in then, or None."""
    partition = flash.partition("identity")
    pair = RecordPair(partition)
    payload = pair.load()
    if payload is None:
        return None
    scratch = flash.partition("scratch")
    wished = is_wished(scratch)
    if payload[0] == LOCKED and wished:
        payload = _reset(IdentityStore(partition).load()).pack()
        pair.store(payload, True)
    if payload[0] == RESET:
        half = pair.room_bytes + HEADER_BYTES
        if not _holds_only(partition, half, payload):
            pair.store(payload, True)
        for name in _FORGOTTEN:
            _erase(flash.partition(name))
        if not _holds_only(partition, half, payload):
            raise IdentityError("the flash still holds more than the reset record; scrap the board")
    if wished:
        scratch.erase(0, scratch.block_bytes)
    return payload[0]


def _reset(identity):
    kept = [b""] * len(identity.blobs)
    for index in (TOKEN_KEYS, BENCH):
        kept[index] = identity.blobs[index]
    return identity.but(stage=RESET, private=_NO_KEY, public=_NO_POINT, blobs=kept)


def _holds_only(partition, half, payload):
    """True if both halves are `payload` in a whole record, and nothing else that is not erased."""
    for start in (0, half):
        found = bytearray(HEADER_BYTES + len(payload))
        partition.readinto(start, found)
        view = memoryview(found)
        if found[HEADER_BYTES:] != payload or not is_whole(view[:HEADER_BYTES], (view[HEADER_BYTES:],)):
            return False
        if not _is_blank(partition, start + len(found), start + half):
            return False
    return _is_blank(partition, 2 * half, partition.size)


def _is_blank(partition, start, stop):
    found = bytearray(_READ_BYTES)
    while start < stop:
        part = memoryview(found)[: min(_READ_BYTES, stop - start)]
        partition.readinto(start, part)
        if bytes(part) != b"\xff" * len(part):
            return False
        start += len(part)
    return True


def _erase(partition):
    if not _is_blank(partition, 0, partition.size):
        partition.erase(0, partition.size)
