"""PNG, PDF and ZPL hold the label dot by dot; a sheet's labels stand in their places."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.tools.label.readers import codes, of_pdf, of_png, of_zpl, rasterised
from tests.tools.label.test_drawing import facts
from tools.label import LabelError, label_template, render, sheet_template
from tools.label.drawing import to_dots
from tools.label.formats import pdf, png, zpl
from tools.label.sheet import lay_out
from tools.label.template import names


def dots(picture: Image.Image) -> tuple[tuple[int, int], bytes]:
    return picture.size, picture.convert("1", dither=Image.Dither.NONE).tobytes()


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("name", ["unit", "box"])
def test_every_format_decodes_to_the_same_dots_and_codes(name: str, dpi: int) -> None:
    picture = render(label_template(name), facts(), dpi)
    read = of_png(png(picture, dpi))
    assert [round(each) for each in read.info["dpi"]] == [dpi, dpi]
    document = pdf([picture], dpi)
    (page,), (burnt,) = of_pdf(document, dpi), of_zpl(zpl([picture]))
    for decoded in (read, page, burnt):
        assert dots(decoded) == dots(picture)
        assert codes(decoded) == codes(picture) != []
    assert codes(rasterised(document, 2 * dpi)[0]) == codes(picture)


def test_zpl_job_has_a_label_for_each_picture() -> None:
    pictures = [render(label_template(name), facts(), 203) for name in ("unit", "box", "unit")]
    assert [dots(each) for each in of_zpl(zpl(pictures))] == [dots(each) for each in pictures]


@given(st.data())
def test_zpl_compression_loses_no_dot(data: st.DataObject) -> None:
    wide, high = data.draw(st.sampled_from([1, 7, 8, 9, 40, 3300])), data.draw(st.integers(1, 4))
    runs = data.draw(st.lists(st.tuples(st.sampled_from([b"\x00", b"\xff", b"\x5a", b"\xf0"]), st.integers(1, 420))))
    size = -(-wide // 8) * high
    picture = Image.frombytes("1", (wide, high), b"".join(octet * count for octet, count in runs).ljust(size)[:size])
    (read,) = of_zpl(zpl([picture]))
    assert dots(read) == dots(picture)


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("name", names("sheets"))
def test_sheet_has_every_label_in_its_place(name: str, dpi: int) -> None:
    template = sheet_template(name)
    kind = name.partition("-")[2]
    picture = render(label_template(kind), facts(), dpi)
    pages = lay_out(template, [picture] * (template.places + 1), dpi, used=2)
    assert [page.size for page in pages] == [tuple(to_dots(side, dpi) for side in template.page)] * 2
    document = pdf(pages, dpi)
    read = of_pdf(document, dpi)
    assert [dots(page) for page in read] == [dots(page) for page in pages]
    expected = Counter(codes(picture))
    if (dpi, name) in ((203, "a4-unit"), (300, "letter-box")):  # reading a whole page takes a second
        assert Counter(codes(rasterised(document, dpi)[0])) == Counter(dict.fromkeys(expected, template.places - 2))
    for number, place in ((0, 1), (0, 2), (0, template.places - 1), (1, 0), (1, 2), (1, 3)):
        row, column = divmod(place, template.columns)
        x, y = (to_dots(template.first[axis] + at * template.pitch[axis], dpi) for axis, at in ((0, column), (1, row)))
        cut = read[number].crop((x, y, x + picture.width, y + picture.height))
        if (place < 2 and number == 0) or (place > 2 and number == 1):
            assert cut.getextrema() == (255, 255)
        else:
            assert dots(cut) == dots(picture)


def test_labels_that_fit_no_sheet_are_refused() -> None:
    box = render(label_template("box"), facts(), 203)
    with pytest.raises(LabelError, match="does not fit sheet a4-unit"):
        lay_out(sheet_template("a4-unit"), [box], 203)
    with pytest.raises(LabelError, match="21 places, 21 of them"):
        lay_out(sheet_template("a4-unit"), [box], 203, used=21)
    with pytest.raises(LabelError, match="1 to 500 pages"):
        pdf([], 203)
