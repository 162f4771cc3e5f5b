"""The golden vectors hold in the wire codec under CPython and under MicroPython, and in construct."""

import json
from pathlib import Path
from typing import Any

import pytest
from construct import ConstructError

from protocol.host import structs, texts
from protocol.host.vectors import FOLDER, as_json, files
from tests.conftest import RunMicroPython
from tests.protocol import wire_vectors

Vectors = dict[str, list[dict[str, Any]]]


def vectors_of(kind: str) -> Vectors:
    vectors: Vectors = json.loads((FOLDER / f"{kind}.json").read_text())
    return vectors


def test_files_are_what_the_generator_writes() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == files()


def test_at_least_sixty_accepts_and_sixty_rejects_of_messages_alone() -> None:
    messages = vectors_of("messages")
    assert len(messages["accepts"]) >= 60
    assert len(messages["rejects"]) >= 60


@pytest.mark.parametrize("kind", wire_vectors.KINDS)
def test_names_say_which_case_it_is(kind: str) -> None:
    vectors = vectors_of(kind)
    names = [case["name"] for case in vectors["accepts"] + vectors["rejects"]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", wire_vectors.KINDS)
def test_wire_codec_agrees_under_cpython(kind: str) -> None:
    assert wire_vectors.faults(kind, vectors_of(kind)) == []


def test_wire_codec_agrees_under_micropython(micropython: RunMicroPython) -> None:
    script = wire_vectors.__file__
    assert script
    with Path(script).open() as file:
        printed = micropython(file.read(), FOLDER, heap="4M").splitlines()
    counted = [
        f"{kind} {len(v['accepts'])} {len(v['rejects'])}" for kind in wire_vectors.KINDS for v in [vectors_of(kind)]
    ]
    assert printed == counted


def test_suite_reports_a_case_the_codec_reads_otherwise() -> None:
    vectors = vectors_of("messages")
    vectors["accepts"][0]["sequence"] += 1
    vectors["rejects"].append({**vectors["accepts"][1], "why": "it is good"})
    assert len(wire_vectors.faults("messages", vectors)) == 2


def test_construct_reads_and_builds_every_accepted_message() -> None:
    for case in vectors_of("messages")["accepts"]:
        decoded = structs.parse_message(bytes.fromhex(case["hex"]))
        assert {**case, "values": as_json(decoded.values)} == case, case["name"]
        facts = (decoded.name, decoded.version, decoded.boot_id, decoded.sequence)
        assert facts == (case["message"], case["version"], case["boot_id"], case["sequence"])
        if not case["name"].endswith("newer version"):
            built = structs.build_message(decoded.name, decoded.values, decoded.boot_id, decoded.sequence)
            assert built.hex() == case["hex"], case["name"]


@pytest.mark.parametrize("case", vectors_of("messages")["rejects"], ids=lambda case: case["name"])
def test_construct_refuses_message(case: dict[str, Any]) -> None:
    with pytest.raises(ConstructError):
        structs.parse_message(bytes.fromhex(case["hex"]))


@pytest.mark.parametrize("case", vectors_of("message_values")["rejects"], ids=lambda case: case["name"])
def test_construct_refuses_values(case: dict[str, Any]) -> None:
    row = [row for row in structs.MESSAGES if row[1] == case["message"]]
    values = wire_vectors.from_json(row[0][3] if row else (), case["values"])
    with pytest.raises(ConstructError):
        structs.build_message(case["message"], values)


def test_construct_agrees_on_frames() -> None:
    frames = vectors_of("frames")
    for case in frames["accepts"]:
        assert structs.FRAME.parse(bytes.fromhex(case["hex"])).payload.hex() == case["payload"]
    for case in frames["rejects"]:
        with pytest.raises(ConstructError):
            structs.FRAME.parse(bytes.fromhex(case["hex"]))


def test_construct_agrees_on_image_headers() -> None:
    headers = vectors_of("image_headers")
    for case in headers["accepts"]:
        fields = structs.parse_image_header(bytes.fromhex(case["hex"]))
        assert as_json(fields) == case["fields"]
        assert structs.build_image_header(fields).hex() == case["hex"]
    for case in headers["rejects"]:
        with pytest.raises(ConstructError):
            structs.parse_image_header(bytes.fromhex(case["hex"]))


def test_grammar_agrees_on_serial_numbers_mac_addresses_and_topics() -> None:
    serials, macs, topics = (vectors_of(kind) for kind in ("serial_numbers", "mac_addresses", "topics"))
    assert all(texts.is_serial(case["text"]) for case in serials["accepts"])
    assert not any(texts.is_serial(case["text"]) for case in serials["rejects"])
    assert all((texts.mac_octets(case["text"]) or b"").hex() == case["octets"] for case in macs["accepts"])
    assert all(texts.mac_octets(case["text"]) is None for case in macs["rejects"])
    assert all(texts.parse_up_topic(case["text"]) == (case["serial"], case["kind"]) for case in topics["accepts"])
    assert all(texts.parse_up_topic(case["text"]) is None for case in topics["rejects"])
