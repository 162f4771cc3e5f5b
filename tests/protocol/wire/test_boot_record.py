"""Records and boot records as bytes: what reads back, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.wire import record
from protocol.wire.boot_record import BootRecord, read_partition
from protocol.wire.errors import WireError

HASHES = st.binary(min_size=32, max_size=32)
IMAGES = st.tuples(st.integers(0, 4 << 20), HASHES)
RECORDS = st.builds(
    BootRecord,
    confirmed=st.integers(0, 1),
    slots=st.tuples(IMAGES, IMAGES),
    trial=st.integers(0, 2),
    attempts=st.integers(0, 255),
    revert_reason=st.integers(0, 17),
    floor=st.integers(0, 2**32 - 1),
    refused=st.lists(HASHES, max_size=4).map(tuple),
)


def values(boot_record: BootRecord) -> tuple[object, ...]:
    return tuple(getattr(boot_record, name) for name in BootRecord.__slots__)


@given(RECORDS)
def test_a_boot_record_reads_back(boot_record: BootRecord) -> None:
    assert values(BootRecord.unpack(boot_record.pack())) == values(boot_record)


@given(RECORDS, st.data())
def test_a_flipped_bit_in_a_stored_record_is_seen(boot_record: BootRecord, data: st.DataObject) -> None:
    payload = boot_record.pack()
    stored = bytearray(record.pack_header(1, payload) + payload)
    bit = data.draw(st.integers(0, 8 * len(stored) - 1))
    stored[bit // 8] ^= 1 << bit % 8
    assert read_partition(stored.ljust(8192, b"\xff")) is None


@pytest.mark.parametrize("payload", [b"", b"\x01" * 20, BootRecord().pack() + b"x", b"\x02" + BootRecord().pack()[1:]])
def test_other_bytes_are_no_boot_record(payload: bytes) -> None:
    with pytest.raises(WireError):
        BootRecord.unpack(payload)


@pytest.mark.parametrize("change", [{"confirmed": 2}, {"trial": 3}, {"revert_reason": 18}])
def test_values_out_of_bounds_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(WireError, match="out of bounds"):
        BootRecord.unpack(BootRecord().but(**change).pack())


def test_the_newer_whole_record_counts() -> None:
    halves = [record.pack_header(n, text) + text for n, text in ((7, b"old"), (8, b"new"))]
    both = halves[1].ljust(4096, b"\xff") + halves[0].ljust(4096, b"\xff")
    assert record.newest(both) == b"new"
    torn = halves[1][:-1].ljust(4096, b"\xff") + halves[0].ljust(4096, b"\xff")
    assert record.newest(torn) == b"old"
    assert record.newest(b"\xff" * 8192) is None


def test_the_rules_and_the_format_agree_under_micropython(micropython) -> None:  # type: ignore[no-untyped-def]
    script = (
        "from protocol.wire.boot_record import BootRecord\n"
        "r = BootRecord(confirmed=1, slots=((5, b'a' * 32), (9, b'b' * 32)), floor=3, refused=(b'c' * 32,))\n"
        "assert BootRecord.unpack(r.pack()).refused == (b'c' * 32,)\n"
        "print(r.pack().hex())\n"
    )
    here = BootRecord(confirmed=1, slots=((5, b"a" * 32), (9, b"b" * 32)), floor=3, refused=(b"c" * 32,))
    assert micropython(script).strip() == here.pack().hex()
