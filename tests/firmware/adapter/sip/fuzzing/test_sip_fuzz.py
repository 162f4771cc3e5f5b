"""A seeded sample of the mutants, and proof that the fuzz finds what it is for; in full by `make soak AREA=line`."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from adapter.sip import digest, dns, message, sdp, uri
from tests.firmware.adapter.sip.fuzzing.sip_fuzz import fuzz

SEED = 20261123
COUNT = 20_000


def test_no_mutant_raises_anything_else_differs_between_interpreters_or_leaks() -> None:
    taken, faults = fuzz(SEED, COUNT)
    assert not faults
    assert COUNT * 0.2 < taken < COUNT * 0.8


def _of_python(text: str, most: int) -> int:
    return int(text)


def _unquoted(text: str) -> str:
    return text[1:-1] if text[0] == '"' else text


def _one_more(data: bytes, *_: Any) -> Any:
    return _parse(data[:-1])


_parse = message.parse


@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [
        (uri, "number", _of_python),
        (uri, "unquote", _unquoted),
        (sdp, "number", _of_python),
        (message, "parse", _one_more),
    ],
)
def test_a_fault_put_into_a_parser_is_found(module: Any, name: str, broken: Any) -> None:
    assert digest.split is uri.split
    assert dns.A == 1
    with patch.object(module, name, broken):
        _, faults = fuzz(SEED, 1500)
    assert faults
