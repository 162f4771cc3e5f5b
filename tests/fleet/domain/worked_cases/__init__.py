"""Worked cases of the equipment rules: what happens, and what it costs, ends or is refused by the rule beside it.

One module a section, to be read by people who know the business and not the code. The expected values are worked out
from the rules (ER) and decision 0010, with a calendar and a pencil, before anything is played. A date alone is noon in
New York; `2025-03-10T20:00` is a local time there. What an account lives through is played into the domain and into
the oracle of the rules, which must agree at every step; a question without an account asks the domain alone.
"""
