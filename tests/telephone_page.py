"""Draws the countries of docs/telephone.md from the data; `python -m tests.telephone_page` writes them anew."""

from __future__ import annotations

from tests.firmware.power_cuts import stand_ins
from tests.state_diagrams import ROOT

PAGE = ROOT / "docs" / "telephone.md"
START, STOP = "<!-- countries -->\n", "<!-- /countries -->"
COLUMNS = (
    ("dial tone", "d"), ("ringing", "r"), ("busy", "b"), ("congestion", "c"), ("call waiting", "w"), ("bell", "k"),
    ("emergency", "x"), ("caller ID", "f"),
)  # fmt: skip
CALLER_ID = {"": "Bell 202", "v23": "V.23", "-": "none"}


def table() -> str:
    """A line a country, and the defaults."""
    stand_ins.install()
    from adapter.tones import TONES, value

    lines = [
        "| country | " + " | ".join(name for name, _ in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    for codes in [*(line.split(" ")[0] for line in TONES.strip().split("\n")), "others"]:
        country = codes.split(",")[0]
        cells = [codes.replace(",", ", ")]
        for _, key in COLUMNS:
            text = value(country, key).partition("@")[0]
            cells.append(CALLER_ID[text] if key == "f" else cell(text))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """One value: a tone as its frequencies and its ms on and off, a list with blanks."""
    if "/" not in text:
        return text.replace(",", " ")
    steps = [step.split("/") for step in text.split(",")]
    assert {frequencies for frequencies, _ in steps} <= {steps[0][0], "0"}, text
    return f"{steps[0][0]}: " + " ".join(length_ms for _, length_ms in steps)


def page(text: str) -> str:
    """`text` with the table in its place."""
    before, _, rest = text.partition(START)
    return before + START + table() + STOP + rest.partition(STOP)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
