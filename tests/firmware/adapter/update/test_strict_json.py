"""The strict reader against the standard library's parser and securesystemslib's canonical form."""

from __future__ import annotations

import contextlib
import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical

from adapter.update.errors import MismatchError
from adapter.update.strict_json import MAX_BYTES, MAX_DEPTH, Value, parse
from tests.conftest import RunMicroPython

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15) + 1, 10**15 - 1) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


def canonical(value: Value) -> bytes:
    pieces: list[bytes] = []
    value.canonical(pieces.append)
    return b"".join(pieces)


def plain(value: Value) -> Any:
    """The Value as Python has it, by its public methods."""
    for read in (value.text, value.number, value.flag):
        try:
            return read()
        except MismatchError:
            continue
    if value.is_null:
        return None
    try:
        return {name: plain(member) for name, member in value.members()}
    except MismatchError:
        return [plain(element) for element in value.elements()]


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS, st.booleans(), st.sampled_from([None, 1]))
def test_any_document_is_read_and_made_canonical(document: Any, ascii_only: bool, indent: int | None) -> None:
    data = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    value = parse(data)
    assert plain(value) == document
    assert canonical(value) == str(encode_canonical(document)).encode()


@settings(max_examples=500, deadline=None)
@given(DOCUMENTS, st.data())
def test_a_mutated_document_is_refused_or_read_as_the_standard_library_reads_it(
    document: Any, data: st.DataObject
) -> None:
    text = bytearray(json.dumps({"k": document}, ensure_ascii=False).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 2))] = data.draw(
        st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b","])
    )
    try:
        value = parse(bytes(text))
    except MismatchError:
        return
    assert plain(value) == json.loads(text)


REFUSED = [
    b"", b" ", b"nul", b"nulll", b"[1 2]", b"[1,]", b"[,1]", b"[1", b'{"a":1,}', b'{"a" 1}', b'{"a":}', b"{a:1}",
    b"{1:1}", b'{"a":1 "b":2}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b"01", b"-01", b"-0", b"-", b"+1", b"1.0",
    b"1e3", b"1E3", b".5", b"NaN", b"Infinity", b"-Infinity", b"1234567890123456", b'"', b'"a', b'"\\"', b'"\\x"',
    b'"\\u12"', b'"\\u12g4"', b'"\\u-123"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"', b'"\\ud800\\ud800"',
    b'"a\nb"', b'"a\tb"', b'"\x00"', b'"\x80"', b'"\xc0\xaf"', b'"\xe0\x80\xaf"', b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"',
    b'"\xf5\x80\x80\x80"', b'"\xc3"', b'"\xe2\x82"', b'"\xff"', b"'a'", b"true false", b"[]]", b"{}{}",
    b"\xef\xbb\xbf{}",
    b"[1]\x00", b"\x0b1", b"/**/1", b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), b"[" * 60000,
]  # fmt: skip
TAKEN = [
    b" { } ", b"[ ]", b'"\\/\\b\\f\\n\\r\\t\\"\\\\"', b'"\\ud83d\\ude00"', '"\u00e9\u20ac\U0001f600"'.encode(),
    b"0", b"-1",
    b'{"b":1,"a":[true,false,null]}', b"\t[\r\n1 ,\n2 ]", b'"\\u0000"', b'"\\u00E9"', b'"\x7f"',
    b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, b'{"signed":{"x":"a\\\\"},"y":"\\\\\\""}',
]  # fmt: skip


@pytest.mark.parametrize("data", REFUSED, ids=lambda data: repr(data[:20]))
def test_what_is_not_strict_is_refused(data: bytes) -> None:
    with pytest.raises(MismatchError):
        parse(data)


@pytest.mark.parametrize("data", TAKEN, ids=lambda data: repr(data[:20]))
def test_what_is_strict_is_taken(data: bytes) -> None:
    assert plain(parse(data)) == json.loads(data)


def test_a_member_that_is_missing_or_of_another_kind_is_named() -> None:
    value = parse(b'{"a":1}')
    assert value.get("b") is None
    with pytest.raises(MismatchError, match="lacks 'b'"):
        value["b"]
    with pytest.raises(MismatchError, match="a string is wanted"):
        value["a"].text()


def test_the_tape_is_as_short_as_the_text_allows() -> None:
    """It is allocated before anything is known of a text, which anybody on the way may have written."""
    assert len(parse(b'{"a":[1,2],"b":3}')._tape) == 2 * 7  # two keys, and five values
    for hostile in (b'"' + b",:[{" * 2000 + b'"', b"[" + b"1," * 4000 + b"1]"):
        assert len(parse(hostile)._tape) <= len(hostile) + 2 * (1 + MAX_DEPTH)


@given(st.lists(st.sampled_from([b"[", b"{", b'"":', b"1", b'""', b",", b"]", b"}"]), max_size=60).map(b"".join))
def test_no_text_needs_more_of_it(text: bytes) -> None:
    with contextlib.suppress(MismatchError):  # and by no IndexError
        assert plain(parse(text)) == json.loads(text)


def test_a_text_beyond_64_kib_is_read_as_well() -> None:
    document = {f"name {index}": [index, "é\\", {"deep": [index] * 3}] for index in range(4000)}
    data = json.dumps(document).encode()
    assert len(data) > 2 * 65_536
    value = parse(data)
    assert plain(value) == document
    assert canonical(value) == str(encode_canonical(document)).encode()
    assert next(value["name 3999"].elements()).number() == 3999
    with pytest.raises(MismatchError, match="cut off"):
        parse(data[:-1])
    with pytest.raises(MismatchError, match="is read"):
        parse(b" " * (MAX_BYTES + 1))


SCRIPT = """
import sys
from binascii import hexlify, unhexlify
from hashlib import sha256
from adapter.update.errors import MismatchError
from adapter.update.strict_json import parse
for line in sys.stdin.read().split("\\n"):
    try:
        state = sha256()
        parse(unhexlify(line)).canonical(state.update)
        print(hexlify(state.digest()).decode())
    except MismatchError:
        print("refused")
"""


def test_micropython_reads_and_refuses_the_same(micropython: RunMicroPython) -> None:
    documents = [*REFUSED[:-1], *TAKEN]
    printed = micropython(SCRIPT, stdin="\n".join(data.hex() for data in documents), heap="160K").split()
    expected = ["refused"] * (len(REFUSED) - 1)
    expected += [sha256(str(encode_canonical(json.loads(data))).encode()).hexdigest() for data in TAKEN]
    assert printed == expected


GROWTH = """
import sys
import time
from adapter.update.strict_json import parse

def took(data):
    best = 1 << 30
    for _ in range(3):
        began = time.ticks_us()
        parse(data).canonical(len)
        best = min(best, time.ticks_diff(time.ticks_us(), began))
    return best

def members(count):
    return b"{" + b",".join([b'"%05d":0' % at for at in range(count)]) + b"}"

for small, large in (
    (members(3000), members(12000)),
    (b'"' + b"\\\\n" * 64000 + b'"', b'"' + b"\\\\n" * 256000 + b'"'),
    (b"[0" + b",0" * 50000 + b"]", b"[0" + b",0" * 200000 + b"]"),
):
    print(took(large) / took(small))
"""
MOST_GROWTH = 8.5  # a file four times as long, with noise; 16 is quadratic


def test_time_grows_with_the_bytes_of_a_file_whatever_is_in_it(micropython: RunMicroPython) -> None:
    """Names in order, escapes, elements: each made work that grew with the square, before any signature."""
    ratios = [float(line) for line in micropython(GROWTH, heap="64M").split()]
    assert len(ratios) == 3
    assert max(ratios) < MOST_GROWTH, ratios
