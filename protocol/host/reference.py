"""The tables of docs/protocol.md, drawn from the layouts.

`python -m protocol.host.reference` rewrites them between their two marks; a test sees that they are current.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from protocol.host.enumerations import ENUMERATIONS
from protocol.host.findings import FINDINGS, MEASURED
from protocol.host.table import MESSAGES
from protocol.wire.layouts import BLOB, CRITICAL, FIXED, LIST, TEXT, U8, U16, U32, U64

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"
FINDINGS_BEGIN = "<!-- findings: drawn by protocol.host.reference -->"
FINDINGS_END = "<!-- end of findings -->"
BEGIN = "<!-- tables: drawn by protocol.host.reference -->"
END = "<!-- end of tables -->"

_KINDS = {U8: "U8", U16: "U16", U32: "U32", U64: "U64", FIXED: "FIXED", TEXT: "TEXT", BLOB: "BLOB", LIST: "LIST"}
# The first type number of each way a message travels.
_WAYS = (
    (1, "unit to fleet, MQTT"), (32, "fleet to unit, MQTT"), (64, "host to unit, link"),
    (80, "unit to host, link"), (96, "host to ROM loader, link"), (104, "unit to bridge, link"),
    (112, "ROM loader to host, link"), (120, "stored, never sent"), (121, "bridge to unit, link"),
)  # fmt: skip


def tables() -> str:
    """All messages and all enumerations, in Markdown."""
    return "\n".join([*_messages(), *_enumerations()])


def rewritten(document: str) -> str:
    """`document` with its tables drawn anew."""
    document = _between(document, FINDINGS_BEGIN, FINDINGS_END, "\n".join([*_findings(), ""]))
    return _between(document, BEGIN, END, tables())


def _between(document: str, begin: str, end: str, text: str) -> str:
    before, rest = document.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n\n{text}\n{end}{after}"


def _findings() -> Iterator[str]:
    yield "| test | what its value is | code | name | what it says | what to do |\n|---|---|---|---|---|---|"
    for (test, code), finding in FINDINGS.items():
        yield f"| {test} | {MEASURED[test]} | {code} | `{finding.name}` | {finding.text} | {finding.remedy} |"


def _messages() -> Iterator[str]:
    for number, name, version, fields in MESSAGES:
        way = [text for first, text in _WAYS if number >= first][-1]
        critical = "; kept by the unit until acknowledged" if name in CRITICAL else ""
        yield f"### {number} `{name}`, version {version}: {way}{critical}\n"
        if not fields:
            yield "No fields.\n"
            continue
        yield "| field | kind | allowed | since |\n|---|---|---|---|"
        yield from _rows(name, fields, "")
        yield ""


def _rows(where: str, fields: Sequence[Any], prefix: str) -> Iterator[str]:
    for name, kind, low, high, since, *rows in fields:
        unit = {TEXT: " bytes", BLOB: " bytes", FIXED: " bytes", LIST: " items"}.get(kind, "")
        allowed = f"{low}{unit}" if low == high else f"{low} to {high}{unit}"
        if (where, name) in ENUMERATIONS:
            allowed += ", as in the enumeration"
        yield f"| {prefix}`{name}` | {_KINDS[kind]} | {allowed} | {since} |"
        for inner in rows:
            yield from _rows(name, inner, f"{prefix}`{name}[]`.")


def _enumerations() -> Iterator[str]:
    yield "### Enumerations\n"
    yield "| field | values |\n|---|---|"
    for (where, field), names in ENUMERATIONS.items():
        yield f"| `{where}.{field}` | {', '.join(f'{number} {name}' for number, name in enumerate(names))} |"
    yield ""


if __name__ == "__main__":
    DOCUMENT.write_text(rewritten(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
