"""A packing slip says what is in the parcel, as text and as a PDF that another reader reads."""

import pypdfium2
import pytest

from tools.label.packing_slip import LINES_A_PAGE, as_pdf, as_text
from tools.label.scan import unit_named

UNIT = {"serial": "PT000000018", "mac": "8C:1F:64:AA:B0:00", "board": "simulated", "condition": "refurbished"}


def picks(count: int, waits: dict[str, int]) -> dict[str, object]:
    parcel = {"shipped_at": "2026-11-23T12:00:00Z", "carrier": "UPS", "tracking": "1Z(9)\\", "units": [UNIT] * count}
    return {
        "order": "OR-1", "account": "AC-7", "order_date": "2026-11-20", "waits_for": waits, "parcels": [parcel],
    }  # fmt: skip


def read(data: bytes) -> list[str]:
    with pypdfium2.PdfDocument(data) as document:
        return [line for page in document for line in page.get_textpage().get_text_range().splitlines()]


def squeezed(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines if line.strip()]


@pytest.mark.parametrize("count", [1, 2, 3 * LINES_A_PAGE])
def test_pdf_reads_as_the_text(count: int) -> None:
    text = as_text(picks(count, {}), 1)
    assert text.count("PT000000018    8C:1F:64:AA:B0:00  refurbished  simulated") == count
    assert f"{count} in this parcel\nThe order is complete.\n" in text
    assert "2026-11-23, UPS 1Z(9)\\" in text
    assert squeezed(read(as_pdf(text))) == squeezed(text.splitlines())


def test_what_is_still_to_come_is_said() -> None:
    assert as_text(picks(1, {"simulated": 2, "wesp32": 1}), 1).endswith("Still to come: 2 x simulated, 1 x wesp32\n")


def test_letters_the_font_lacks_are_marked() -> None:
    assert read(as_pdf("Gerät ☎\n")) == ["Gerät ?"]


@pytest.mark.parametrize(
    ("scanned", "named"),
    [
        ("PT000000018", "PT000000018"),
        (" pt000000018\n", "PT000000018"),
        ("8C1F64AAB000", "8C1F64AAB000"),
        ("https://voice.operator.example/claim#PT000000018-ABCDEFGHJKMN", "PT000000018"),
        ("https://a.example/#/x#PT000000018-ABCDEFGHJKMN", "PT000000018"),
    ],
)
def test_a_scan_names_the_unit_and_keeps_the_claim_code_to_itself(scanned: str, named: str) -> None:
    assert unit_named(scanned) == named
