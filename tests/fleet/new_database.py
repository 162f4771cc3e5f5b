"""SQLite databases with all tables, by the dozen: the tables are made once a process, each test gets a copy.

SQLAlchemy keeps the statements it compiled by engine. Each test has an engine of its own, and compiled every statement
anew: that was a third of the services' tests. So the engines share one dialect and what was compiled for it.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, Engine

import fleet.store.tables  # noqa: F401 - declares every table
from fleet.store.base import make_engine, metadata

_compiled: dict[Any, Any] = {}


def make_tables(engine: Engine) -> None:
    """Puts all tables into the SQLite database of `engine`, which nobody has opened yet."""
    folder, dialect = _template()
    path = Path(engine.url.database or "")
    assert not path.exists(), f"{path} is there already"
    shutil.copyfile(Path(folder.name) / "fleet.db", path)
    engine.dialect = dialect
    engine.update_execution_options(compiled_cache=_compiled)


@cache
def _template() -> tuple[tempfile.TemporaryDirectory[str], Dialect]:
    folder = tempfile.TemporaryDirectory(prefix="plugtone-tables-")
    engine = make_engine(f"sqlite:///{folder.name}/fleet.db")
    metadata.create_all(engine)
    engine.dispose()  # the last connection brings all into one file
    return folder, engine.dialect
