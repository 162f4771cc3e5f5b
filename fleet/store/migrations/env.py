"""Alembic's entry: works on the connection that `fleet.store.migrate` hands in, in the transaction it is in."""

from __future__ import annotations

from alembic import context

import fleet.store.tables  # noqa: F401 - declares every table
from fleet.store.base import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=context.config.attributes.get("batch", False),  # how SQLite alters a table that has rows
    user_module_prefix="base.",
)
with context.begin_transaction():
    context.run_migrations()
