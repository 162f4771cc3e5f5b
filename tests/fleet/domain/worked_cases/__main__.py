"""Prints every worked case as a line of a table: the rule, the facts, what they come to."""

from tests.fleet.domain.worked_cases import er1, er2, er3, er3_table, er4, er5, er8

for section in (er1, er2, er3_table, er3, er4, er5, er8):
    for case in section.CASES:
        print(f"| ER {case.rule} | {case.facts} | {case.expected} |")
