"""The one command `plugtone`, assembled from the entry points of the group `plugtone.commands`.

A command's module is imported when it is asked for, so that a station needs no database and the service no printer.
An entry point with a dot in its name is a command of a group: `sim.fleet` is `plugtone sim fleet`, the fleet's own.
Exit status: 0 done, 1 it could not be done, 2 wrong usage. What went wrong is one line on standard error;
a traceback is printed for faults of the program only.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

GROUP = "plugtone.commands"
OUR_PACKAGES = frozenset({"adapter", "boards", "fleet", "protocol", "tools"})


@cache
def commands() -> dict[str, EntryPoint]:
    """The entry point of every command, by name."""
    return {found.name: found for found in sorted(entry_points(group=GROUP), key=lambda found: found.name)}


def load(found: EntryPoint) -> TyperCommand | TyperGroup:
    """The command behind an entry point: a Typer application or a plain function; a group with what others add."""
    target, name = found.load(), found.name.rpartition(".")[2]
    if isinstance(target, typer.Typer):
        application = target
    else:
        application = typer.Typer(add_completion=False)
        application.command(name)(target)
    command: Any = typer.main.get_command(application)
    command.name = name
    for added in commands().values():
        if added.name.rpartition(".")[0] == found.name:
            command.add_command(load(added))
    return command  # type: ignore[no-any-return]


class LazyGroup(TyperGroup):
    """Knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name in commands() if "." not in name]

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        found = commands().get(cmd_name) if "." not in cmd_name else None
        return load(found) if found else None


def is_expected(error: BaseException) -> bool:
    """Whether `error` was foreseen: one of our own errors, or the operating system's."""
    return isinstance(error, OSError) or any(
        kind.__name__.endswith("Error") and kind.__module__.partition(".")[0] in OUR_PACKAGES
        for kind in type(error).__mro__
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    group: Any = LazyGroup(
        name="plugtone", help="Flash, provision, update and look after Plugtone adapters.", no_args_is_help=True
    )
    try:
        group.main(args=arguments, prog_name="plugtone")
    except Exception as error:
        if not is_expected(error):
            raise
        typer.echo(f"plugtone: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
