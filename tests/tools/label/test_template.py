"""A template that makes no sense is refused, by the field and what is wrong with it."""

import pytest

from tools.label import LabelError, label_template, sheet_template
from tools.label.template import LabelTemplate, SheetTemplate, names, parse

LABEL = """
name = "mine"
width = 30
height = 20
[[elements]]
kind = "text"
name = "brand"
text = "Plugtone"
x = 1
y = 1
width = 20
height = 5
"""
SHEET = """
name = "mine"
page = [210, 297]
label = [60, 40]
first = [10, 10]
pitch = [63, 40]
columns = 3
rows = 7
"""


@pytest.mark.parametrize(
    ("was", "instead", "why"),
    [
        ("width = 30", "width = 20", "brand reaches over the edge of a label of 20.0 x 20.0 mm"),
        ('"Plugtone"', '"{owner}"', "brand: no unit has owner"),
        ('kind = "text"', 'kind = "picture"', "elements.0: .*'picture'"),
        ("x = 1", "x = -1", "elements.0.text.x: "),
        ("x = 1", "xx = 1", "elements.0.text.xx: Extra inputs"),
        ("height = 20", "height = 20\ncolour = 'red'", "colour: Extra inputs"),
        ("height = 20", "height =", "template mine: "),
    ],
)
def test_label_templates_mistake_is_named(was: str, instead: str, why: str) -> None:
    parse(LabelTemplate, LABEL, "mine")
    with pytest.raises(LabelError, match=why):
        parse(LabelTemplate, LABEL.replace(was, instead, 1), "mine")


def test_elements_may_touch_but_not_lie_over_each_other() -> None:
    second = LABEL[LABEL.index("[[elements]]") :].replace('"brand"', '"slogan"')
    parse(LabelTemplate, LABEL + second.replace("y = 1", "y = 6"), "mine")
    with pytest.raises(LabelError, match="brand and slogan lie over each other"):
        parse(LabelTemplate, LABEL + second.replace("y = 1", "y = 5.9"), "mine")


@pytest.mark.parametrize(
    ("was", "instead", "why"),
    [
        ("columns = 3", "columns = 4", r"4 columns end at 259\.0 mm, the page at 210\.0"),
        ("[63, 40]", "[59, 40]", "columns lie over each other"),
        ("[210, 297]", "[210, 500]", "a page is at most"),
        ("rows = 7", "rows = 0", "rows: "),
    ],
)
def test_sheet_templates_mistake_is_named(was: str, instead: str, why: str) -> None:
    assert parse(SheetTemplate, SHEET, "mine").places == 21
    with pytest.raises(LabelError, match=why):
        parse(SheetTemplate, SHEET.replace(was, instead), "mine")


def test_unknown_template_is_told_with_those_there_are() -> None:
    assert set(names("labels")) == {"unit", "box"}
    with pytest.raises(LabelError, match="no template of labels is called 'crate'; known: box, unit"):
        label_template("crate")
    with pytest.raises(LabelError, match="no template of sheets is called 'a3'"):
        sheet_template("a3")
