"""The messages of the RFCs' examples, from the files beside: CRLF for LF, and RFC 4475's marks resolved."""

from __future__ import annotations

import re
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
_HEX = re.compile(rb"<hex>([0-9A-F]+)</hex>")  # RFC 4475 2.2
_REPEAT = re.compile(rb"<repeat (\d+) ([^/]+)/>")  # RFC 4475 2.3


def examples(name: str) -> list[tuple[str, bytes]]:
    """(what stands behind its ====, its bytes) of each example of the file `name`."""
    out = []
    for piece in (CORPUS / f"{name}.txt").read_bytes().split(b"==== ")[1:]:
        title, _, text = piece.partition(b"\n")
        whole = _REPEAT.sub(lambda found: int(found[1]) * found[2], text.replace(b"\n", b"\r\n"))
        out.append((title.decode(), _HEX.sub(lambda found: bytes.fromhex(found[1].decode()), whole)))
    return out


def messages() -> list[tuple[str, bytes]]:
    """All examples of messages."""
    return [*examples("rfc3261"), *examples("rfc4475"), *examples("call_flows")]
