"""Labels of units and boxes: templates and facts in, dots out; `plugtone label` and the station print them."""

from tools.label.drawing import render
from tools.label.errors import LabelError
from tools.label.facts import Facts, claim_code_sha256, facts_of_unit, make_claim_code
from tools.label.template import label_template, sheet_template

__all__ = [
    "Facts",
    "LabelError",
    "claim_code_sha256",
    "facts_of_unit",
    "label_template",
    "make_claim_code",
    "render",
    "sheet_template",
]
