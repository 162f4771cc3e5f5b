"""A PostgreSQL cluster of our own, gone when it is no longer needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine

START_TIMEOUT_S = 60
DEBIAN = Path("/usr/lib/postgresql")


def program(name: str) -> str | None:
    """Where it is installed: on PATH, or in Debian's own place; None if it is not."""
    places = [*os.get_exec_path(), *(str(place) for place in DEBIAN.glob("*/bin"))]
    return shutil.which(name, path=os.pathsep.join(places))


@contextmanager
def running(initdb: str, control: str) -> Iterator[str]:
    """A running server; its URL up to the name of a database. It refuses to run as root, so root runs it as nobody."""
    folder = Path(tempfile.mkdtemp(prefix="plugtone-pg-"))
    user = "nobody" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run(command, user=user, cwd=folder, check=True, timeout=START_TIMEOUT_S, stdout=subprocess.DEVNULL)

    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    try:
        run(initdb, "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "-D", str(data))
        run(control, "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield f"postgresql+psycopg://postgres@/{{}}?host={folder}"
        finally:
            run(control, "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_database(cluster: str, name: str, template: str = "template1") -> str:
    """The URL of a new database of that name: an empty one, or a copy of `template`, which nobody may be using."""
    engine = create_engine(cluster.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    engine.dispose()
    return cluster.format(name)
