"""Every column that may hold text is decided about: it holds something of a person, or it does not."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, String, Table

import fleet.store.tables  # noqa: F401 - declares every table
from fleet.store.base import metadata
from fleet.store.personal_data import ACCOUNT_DATA, FREE_TEXT, IMPERSONAL, PERSONAL, REFERENCES, SECRETS, undecided


def test_every_column_of_text_is_personal_or_known_not_to_be() -> None:
    """`make lint` says so too: who adds a column decides."""
    assert undecided(metadata) == set(), "name these in fleet/store/personal_data.py"
    known = {str(column) for column in (*PERSONAL, *FREE_TEXT, *REFERENCES)}
    impersonal = {f"{table}.{name}" for table, names in IMPERSONAL.items() for name in names.split()}
    assert impersonal - {str(column) for table in metadata.tables.values() for column in table.columns} == set()
    assert impersonal & known == set(), "decide on one"


def test_a_column_nobody_decided_about_is_found() -> None:
    fresh = MetaData()
    Table("people", fresh, Column("id", Integer), Column("state", String(16)), Column("shoe_size", String(4)))
    assert undecided(fresh) == {"people.shoe_size"}


def test_what_takes_the_place_of_a_value_fits_its_column() -> None:
    for held in ACCOUNT_DATA:
        for name, value in held.emptied.items():
            assert value is not None or held.table.c[name].nullable, (held.table.name, name)
    assert SECRETS <= PERSONAL
