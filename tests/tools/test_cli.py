"""The one command: lazy, with a status that scripts can trust and no traceback for what was foreseen."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
import typer

from tools import cli
from tools.errors import ToolError


def refuse() -> None:
    """Refuse."""
    raise ToolError("PT000000018 is not in stock; pick another")


def stumble() -> None:
    """Stumble over a fault of the program."""
    raise KeyError("serial")


def read() -> None:
    """Read a file that is not there."""
    open("/nonexistent/label.png")  # noqa: PTH123, SIM115


def fine() -> None:
    """Do it."""


grouped = typer.Typer(no_args_is_help=True)


@grouped.callback()
def describe() -> None:
    """A group."""


@grouped.command("own")
def own() -> None:
    """Do what the group has by itself."""


def lent() -> None:
    """Do what somebody else adds to the group."""
    typer.echo("lent")


@pytest.fixture(autouse=True)
def _commands(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {name: EntryPoint(name, f"{__name__}:{name}", cli.GROUP) for name in ("refuse", "stumble", "read", "fine")}
    found |= {
        name: EntryPoint(name, f"{__name__}:{name.rpartition('.')[2]}", cli.GROUP)
        for name in ("grouped", "grouped.lent")
    }
    missing = {"absent": EntryPoint("absent", "no_such_module:command", cli.GROUP)}
    monkeypatch.setattr(cli, "commands", lambda: found | missing)


def status_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    return int(caught.value.code or 0)


def test_own_error_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("refuse") == 1
    captured = capsys.readouterr()
    assert captured.err == "plugtone: PT000000018 is not in stock; pick another\n"
    assert captured.out == ""


def test_error_of_the_operating_system_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("read") == 1
    assert "/nonexistent/label.png" in capsys.readouterr().err


def test_fault_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(KeyError):
        cli.main(["stumble"])


def test_wrong_usage_is_status_2() -> None:
    assert status_of("unknown") == 2
    assert status_of("fine", "--no-such-option") == 2


def test_done_is_status_0() -> None:
    assert status_of("fine") == 0


def test_command_does_not_import_its_neighbours() -> None:
    assert status_of("fine", "--help") == 0  # `absent` would fail


def test_a_dotted_entry_point_is_a_command_of_the_group_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("grouped", "lent") == 0
    assert capsys.readouterr().out == "lent\n"
    assert status_of("grouped.lent") == 2
    assert status_of("lent") == 2
    capsys.readouterr()
    assert status_of("grouped", "--help") == 0
    said = capsys.readouterr().out
    assert "somebody else adds" in said
    assert "the group has by itself" in said
    names = cli.LazyGroup(name="plugtone").list_commands(None)
    assert "grouped" in names
    assert "grouped.lent" not in names


def test_installed_command_lists_every_command_there_is() -> None:
    from importlib.metadata import entry_points

    done = subprocess.run([sys.executable, "-m", "tools.cli", "--help"], capture_output=True, text=True, check=True)
    assert all(found.name in done.stdout for found in entry_points(group=cli.GROUP) if "." not in found.name)


def test_command_for_people_imports_no_service() -> None:
    script = "import sys, tools.cli; assert not {'sqlalchemy', 'fastapi', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
