"""MicroPython, CPython and construct make the same of the same bytes and values, whatever they are."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from construct import ConstructError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from protocol.host import structs
from protocol.host.table import MESSAGES
from protocol.host.vectors import as_json
from protocol.wire.layouts import BLOB, FIXED, LIST, TEXT
from tests.conftest import REPOSITORY, micropython_path
from tests.protocol import wire_answers

BATCHES = 500
MESSAGES_A_BATCH = 20  # times BATCHES: 10,000 messages
# A batch does not shrink in minutes, and names the message by itself.
PHASES = (Phase.explicit, Phase.generate)
MAX_ITEMS = 5  # the vectors have the longest lists

Question = list[Any]
Ask = Callable[[list[Question]], list[list[Any]]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """One MicroPython process, fed in batches of a line."""
    assert wire_answers.__file__
    process = subprocess.Popen(
        [micropython_path(), "-X", "heapsize=2M", wire_answers.__file__],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        env={**os.environ, "MICROPYPATH": str(REPOSITORY)},
    )  # fmt: skip

    def answers(questions: list[Question]) -> list[list[Any]]:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(questions) + "\n")
        got: list[list[Any]] = json.loads(process.stdout.readline())
        return got

    yield answers
    process.communicate(timeout=10)


def values_of(fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({field[0]: value_of(*field[1:4], *field[5:]) for field in fields})


def value_of(kind: int, low: int, high: int, rows: Any = ()) -> st.SearchStrategy[Any]:
    """A value in bounds, bytes in hex."""
    if kind == LIST:
        return st.lists(values_of(rows), min_size=low, max_size=max(low, MAX_ITEMS))
    if kind in (FIXED, BLOB):
        return st.binary(min_size=low, max_size=min(high, low + 40)).map(bytes.hex)
    if kind == TEXT:
        ascii_text = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
        return st.text(ascii_text, min_size=low, max_size=min(high, low + 20))
    return st.integers(low, high) | st.sampled_from((low, high))


ANYTHING = (
    st.none() | st.booleans() | st.integers(-1, 1 << 70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=40).map(bytes.hex) | st.just([]) | st.just({}) | st.just([1]) | st.just("00" * 2049)
    | st.text(st.characters(max_codepoint=0x2FFF), max_size=12) | st.just("\ud800" * 11)
)  # fmt: skip
MUTATIONS = st.lists(
    st.tuples(st.sampled_from(("set", "flip", "cut", "add")), st.integers(0, 79), st.integers(0, 255)), max_size=3
)
ROW = st.sampled_from(MESSAGES)
U32 = st.integers(0, 0xFFFFFFFF)
GOOD = {row[1]: values_of(row[3]) for row in MESSAGES}


@st.composite
def questions_to_pack(draw: st.DrawFn) -> Question:
    row = draw(ROW)
    values = draw(GOOD[row[1]])
    if row[3] and draw(st.booleans()):
        spoiled = draw(st.sampled_from(row[3]))[0]
        values = {**values, spoiled: draw(ANYTHING)}
    return ["pack", row[1], values, draw(U32), draw(U32)]


def mutated(data: bytes, mutations: list[tuple[str, int, int]]) -> bytes:
    out = bytearray(data)
    for what, place, byte in mutations:
        at = place % len(out) if out else 0
        if what == "cut":
            del out[at:]
        elif what == "add":
            out += bytes([byte]) * (1 + place % 4)
        elif out:
            out[at] = byte if what == "set" else out[at] ^ (1 << byte % 8)
    return bytes(out)


def of_construct(question: Question) -> list[Any]:
    """The answer of the second codec to a question about bytes."""
    try:
        decoded = structs.parse_message(bytes.fromhex(question[1]))
    except ConstructError:
        return ["refused"]
    return ["ok", decoded.name, decoded.version, decoded.boot_id, decoded.sequence, as_json(decoded.values)]


@settings(max_examples=BATCHES, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(batch=st.lists(st.tuples(questions_to_pack(), MUTATIONS), min_size=MESSAGES_A_BATCH, max_size=MESSAGES_A_BATCH))
def test_all_codecs_agree_on_10_000_random_messages(ask: Ask, batch: list[tuple[Question, Any]]) -> None:
    to_pack = [question for question, _ in batch]
    packed = [wire_answers.answer(question) for question in to_pack]
    to_unpack = [
        ["unpack", mutated(bytes.fromhex(answer[1]), mutations).hex()]
        for answer, (_, mutations) in zip(packed, batch, strict=True)
        if answer[0] == "ok"
    ]
    unpacked = [wire_answers.answer(question) for question in to_unpack]
    assert ask(to_pack + to_unpack) == packed + unpacked
    assert [of_construct(question) for question in to_unpack] == unpacked
    assert not [answer for answer in packed + unpacked if answer[0] == "error"]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(noise=st.lists(st.binary(max_size=60), min_size=5, max_size=20))
def test_all_codecs_agree_on_noise(ask: Ask, noise: list[bytes]) -> None:
    questions = [["unpack", data.hex()] for data in noise]
    expected = [wire_answers.answer(question) for question in questions]
    assert ask(questions) == expected
    assert [of_construct(question) for question in questions] == expected
