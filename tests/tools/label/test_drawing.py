"""A label says what was asked of it, in codes that a scanner reads back, or says which field does not fit."""

import pytest
from PIL import Image

from boards import catalogue
from protocol.wire.errors import WireError
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial
from tests.tools.label.readers import codes
from tools.label import Facts, LabelError, claim_code_sha256, label_template, make_claim_code, render
from tools.label.drawing import box_of, to_dots
from tools.label.template import Code128, LabelTemplate, Mark, Qr, Text

MACS = [MacAddress.parse("02:00:5E:00:00:01"), MacAddress.parse("0A:1B:2C:3D:4E:5F")]
URLS = ["http://127.0.0.1:8080/claim", "https://voice.operator.example/" + "claim/" * 12]


def facts(**changes: object) -> Facts:
    values: dict[str, object] = {
        "serial": "PT000000018", "mac": MACS[1], "board": "simulated",
        "claim_url": "https://voice.operator.example/claim", "claim_code": "ABCDEFGHJKMN",
    }  # fmt: skip
    return Facts(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("number", [0, 12345678, 99999999])
def test_scanner_reads_serial_number_mac_and_claim_address_back(dpi: int, url: str, number: int) -> None:
    serial, code, mac = make_serial(number), make_claim_code(), MACS[number % 2]
    unit = facts(serial=serial, mac=mac, claim_url=url, claim_code=code)
    digits = str(mac).replace(":", "")
    assert codes(render(label_template("unit"), unit, dpi)) == sorted([serial, digits, f"{url}#{serial}-{code}"])
    assert codes(render(label_template("box"), unit, dpi)) == sorted([serial, digits])


@pytest.mark.parametrize("dpi", [203, 300])
def test_scanner_reads_a_label_that_was_printed_badly(dpi: int) -> None:
    picture = render(label_template("unit"), facts(), dpi).convert("L")
    sheet = Image.new("L", (picture.width + 80, picture.height + 80), 255)
    sheet.paste(picture, (40, 40))
    blurred = sheet.resize((sheet.width * 3 // 2, sheet.height * 3 // 2), Image.Resampling.BILINEAR)
    assert len(codes(blurred.rotate(3, fillcolor=255))) == 3


@pytest.mark.parametrize("board", catalogue.names())
@pytest.mark.parametrize("template", ["unit", "box"])
@pytest.mark.parametrize("dpi", [203, 300, 600])
def test_every_board_has_its_labels(board: str, template: str, dpi: int) -> None:
    revision = catalogue.load(board).hardware_revisions[1]
    unit = facts(board=board, hardware_revision=revision, condition="refurbished", mac=MACS[1])
    picture = render(label_template(template), unit, dpi)
    assert picture.size == (to_dots(label_template(template).width, dpi), to_dots(label_template(template).height, dpi))


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("url", URLS)
def test_modules_are_whole_dots_of_a_quarter_millimetre_and_codes_are_clear_on_all_sides(dpi: int, url: str) -> None:
    template = label_template("unit")
    picture = render(template, facts(claim_url=url), dpi)
    for element in template.elements:
        if not isinstance(element, Qr | Code128):
            continue
        cut = picture.crop(box_of(element, dpi))
        left, top, right, bottom = cut.convert("L").point(lambda grey: 255 - grey).getbbox() or (0, 0, 0, 0)
        inked = [cut.getpixel((x, top)) == 0 for x in range(left, right)]
        changes = [at for at in range(1, len(inked)) if inked[at] != inked[at - 1]] + [len(inked)]
        widths = {end - start for start, end in zip([0, *changes], changes, strict=False)}
        module = min(widths)
        assert all(width % module == 0 for width in widths)
        assert module * 25.4 / dpi >= 0.24
        quiet = module * (4 if isinstance(element, Qr) else 10)
        assert min(left, cut.width - right) >= quiet
        assert not isinstance(element, Qr) or min(top, cut.height - bottom) >= quiet


def test_box_label_has_no_claim_code() -> None:
    with_code, without = (render(label_template("box"), facts(claim_code=code), 300) for code in ("ABCDEFGHJKMN", ""))
    assert with_code.tobytes() == without.tobytes()


def test_unit_label_without_a_claim_code_is_not_printed() -> None:
    with pytest.raises(LabelError, match="field claim code: there is nothing to encode"):
        render(label_template("unit"), facts(claim_code=""), 300)


def test_label_of_a_mistyped_serial_number_is_not_printed() -> None:
    with pytest.raises(WireError, match="check digit"):
        render(label_template("unit"), facts(serial="PT000000019"), 300)


@pytest.mark.parametrize(
    ("element", "why"),
    [
        (Text(kind="text", name="brand", text="Plugtone", x=0, y=0, width=9, height=5), "brand: 'Plugtone' is wider"),
        (Text(kind="text", name="brand", text="a b c d e f", x=0, y=0, width=9, height=4), "brand: .* takes 2 lines"),
        (Text(kind="text", name="brand", text="Gerät", x=0, y=0, width=20, height=4), "brand: the font has no 'ä'"),
        (Code128(kind="code128", name="bars", text="{serial}", x=0, y=0, width=30, height=5), "bars: 154 modules"),
        (Code128(kind="code128", name="bars", text="Gerät ☎", x=0, y=0, width=30, height=5), "bars: .*no Code 128"),
        (Qr(kind="qr", name="code", text="{claim_address}", x=0, y=0, width=9, height=20), "code: 41 modules"),
        (Mark(kind="mark", name="CE", mark="ce", x=0, y=0, width=6, height=9), "CE: mark ce would be"),
        (Mark(kind="mark", name="CE", mark="cee", x=0, y=0, width=9, height=9), "CE: no mark is called 'cee'"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_the_field(element: Text | Code128 | Qr | Mark, why: str) -> None:
    template = LabelTemplate(name="mine", width=60, height=40, elements=[element])
    with pytest.raises(LabelError, match=f"label mine, field {why}"):
        render(template, facts(), 203)


def test_resolution_that_no_printer_has_and_board_without_legal_words_are_errors() -> None:
    with pytest.raises(LabelError, match="not for 299"):
        render(label_template("unit"), facts(), 299)
    with pytest.raises(LabelError, match=r"products.toml has no board 'other'"):
        render(label_template("unit"), facts(board="other"), 300)


@pytest.mark.parametrize(("mark", "dpi"), [("ce", 203), ("ce", 300), ("weee", 203), ("weee", 300)])
def test_marks_have_their_shape_at_every_resolution(mark: str, dpi: int) -> None:
    """Rows across the drawing, in percent of its height, cross ink that often; so it is no blot and lacks no part."""
    crossings = {"ce": {2: 2, 50: 2, 25: 2, 98: 2}, "weee": {6: 3, 30: 4, 46: 4, 57: 2, 74: 4, 93: 1, 79: 0}}
    lone = Mark(kind="mark", name=mark, mark=mark, x=0, y=0, width=40, height=30)
    picture = render(LabelTemplate(name="mine", width=40, height=30, elements=[lone]), facts(), dpi)
    left, top, right, bottom = picture.convert("L").point(lambda grey: 255 - grey).getbbox() or (0, 0, 0, 0)
    for percent, count in crossings[mark].items():
        y = top + (bottom - top) * percent // 100
        row = [picture.getpixel((x, y)) == 0 for x in range(left, right)]
        assert sum(inked and not (at and row[at - 1]) for at, inked in enumerate(row)) == count, percent


def test_claim_codes_differ_and_are_free_of_letters_to_misread() -> None:
    made = {make_claim_code() for _ in range(1000)}
    assert len(made) == 1000
    assert not set("ILOU") & set("".join(made))
    assert len(claim_code_sha256(made.pop())) == 64
