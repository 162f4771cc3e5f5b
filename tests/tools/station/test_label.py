"""A label says what was asked of it, in text that a scanner reads back."""

import io

import pytest
import zxingcpp
from PIL import Image

from protocol.wire.errors import WireError
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial
from tools.station.label import HEIGHT, WIDTH, Label, claim_code_sha256, make_claim_code, png

# What a warehouse's scanner is set to; with every format on, one in a thousand labels also reads as a short ITF.
FORMATS = [zxingcpp.BarcodeFormat.Code128, zxingcpp.BarcodeFormat.QRCode]
MAC = MacAddress.parse("02:00:5E:00:00:01")


def read(data: bytes) -> dict[str, str]:
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(data)).convert("L"), formats=FORMATS)
    return {str(each.format): each.text for each in found}


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/claim", "https://voice.operator.example/" + "claim/" * 12])
@pytest.mark.parametrize("number", [0, 1, 12345678, 99999999])
def test_scanner_reads_serial_number_and_claim_address_back(number: int, url: str) -> None:
    serial, code = make_serial(number), make_claim_code()
    codes = read(png(Label(serial, MAC, url, code)))
    assert codes == {"Code 128": serial, "QR Code": f"{url}#{serial}-{code}"}


def test_scanner_reads_a_label_that_was_printed_badly() -> None:
    data = png(Label("PT000000018", MAC, "https://voice.operator.example/claim", make_claim_code()))
    picture = Image.open(io.BytesIO(data)).convert("L")
    worn = picture.resize((WIDTH * 2 // 3, HEIGHT * 2 // 3), Image.Resampling.BILINEAR).rotate(3, fillcolor=255)
    found = zxingcpp.read_barcodes(worn, formats=FORMATS)
    assert {each.text[:11] for each in found} >= {"PT000000018"}
    assert len(found) == 2


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://voice.operator.example/claim", "https://a.example/" + "c" * 60]
)
def test_qr_code_is_clear_on_all_sides(url: str) -> None:
    picture = Image.open(io.BytesIO(png(Label("PT000000018", MAC, url, "0" * 12)))).convert("L")
    (found,) = [each for each in zxingcpp.read_barcodes(picture) if "QR" in str(each.format)]
    corners = found.position
    left, top, right, bottom = corners.top_left.x, corners.top_left.y, corners.bottom_right.x, corners.bottom_right.y
    quiet = 4 * round((right - left) / 25)  # the fewest modules there may be are 25: 4 modules are no wider
    assert {
        picture.getpixel((x, y)) for x in range(max(0, left - quiet // 2), left - 1) for y in range(top, bottom)
    } == {255}
    assert {picture.getpixel((x, y)) for x in range(right + 2, right + 24) for y in range(top, bottom)} == {255}
    assert {picture.getpixel((x, y)) for x in range(left, right) for y in range(bottom + 2, bottom + 24)} == {255}


def test_label_is_60_by_36_millimetres() -> None:
    picture = Image.open(io.BytesIO(png(Label("PT000000018", MAC, "https://a.example/claim", "0" * 12))))
    dpi = picture.info["dpi"]
    assert [round(pixels / dots * 25.4) for pixels, dots in zip(picture.size, dpi, strict=True)] == [60, 36]


def test_label_of_a_mistyped_serial_number_is_not_printed() -> None:
    with pytest.raises(WireError, match="check digit"):
        png(Label("PT000000019", MAC, "https://a.example/claim", "0" * 12))


def test_claim_codes_differ_and_are_free_of_letters_to_misread() -> None:
    codes = {make_claim_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert not set("ILOU") & set("".join(codes))
    assert len(claim_code_sha256(codes.pop())) == 64
