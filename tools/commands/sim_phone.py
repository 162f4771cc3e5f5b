"""`plugtone sim phone`: a telephone at a simulated board, by steps or by hand."""

from __future__ import annotations

import json
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from tools.sim.handset import KEYS
from tools.sim.phone import Phone
from tools.sim.phone_steps import Performance, Step, StepError, parsed

_LOOK_S = 0.1
_HELP = "l lifts and puts down, f taps the hook, 0-9 * # are the keys, q ends"


def phone(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The board's folder.", exists=True, file_okay=False)],
    answer: Annotated[float | None, typer.Option(min=0, help="Wait so many seconds for the bell, and lift.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Take the handset off.")] = False,
    dial: Annotated[str, typer.Option(help="Press these keys.")] = "",
    say: Annotated[Path | None, typer.Option(help="Speak a WAV file (8 kHz, one channel, 16 bits).")] = None,
    record: Annotated[Path | None, typer.Option(help="Keep what is heard, as a WAV file.")] = None,
    stay: Annotated[float | None, typer.Option("--for", min=0, help="Stay on the line for so many seconds.")] = None,
    hang_up: Annotated[bool, typer.Option("--hang-up", help="Put the handset down at last.")] = False,
    script: Annotated[str, typer.Option(help="Steps, between semicolons, or a file of them.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each thing that happens.")] = False,
) -> None:
    """Be the telephone at a simulated board: options are done in the order they stand in here, or a script is.

    Steps: lift, hang-up, answer [S], dial KEYS, pulse DIGITS, flash, say FILE, record FILE, wait S, ring [S],
    quiet [S], hear HZ [S]; S is the longest wait in seconds. With neither it obeys the keyboard.

    Example: plugtone sim phone boards/one --lift --dial 5555550100 --say hello.wav --record heard.wav --for 10

    Example: plugtone sim phone boards/one --script "lift; hear 350+440 2; dial 911; wait 5; flash; hang-up"
    """
    steps = _of_options(answer, lift, dial, say, record, stay, hang_up)
    if steps and script:
        raise typer.BadParameter("either --script or steps as options")
    try:
        steps = steps or parsed(_text(script))
    except StepError as error:
        raise typer.BadParameter(str(error)) from error
    if not steps and not sys.stdin.isatty():
        raise typer.BadParameter("nothing to do: name steps, or run it in a terminal")
    with Phone(folder) as made:
        performance = Performance(made, _tell_json if as_json else _tell)
        made.attach()
        if steps:
            performance.perform(steps)
        else:
            _by_hand(made, performance)


def _of_options(
    answer: float | None, lift: bool, dial: str, say: Path | None, record: Path | None, stay: float | None, down: bool
) -> list[Step]:
    if set(dial) - set(KEYS):
        raise typer.BadParameter(f"a telephone has the keys {''.join(sorted(KEYS))}, not {dial!r}")
    wanted = [
        (record is not None, Step("record", str(record))),
        (answer is not None, Step("answer", limit_s=answer or 0.0)),
        (lift, Step("lift")),
        # A person listens for dial tone; so long, a line chip takes to see a lifted handset.
        (lift and bool(dial), Step("wait", "0.3", 0.3)),
        (bool(dial), Step("dial", dial)),
        (say is not None, Step("say", str(say))),
        (stay is not None, Step("wait", f"{stay or 0:g}", stay or 0.0)),
        (down, Step("hang-up")),
    ]
    return [step for is_wanted, step in wanted if is_wanted]


def _text(script: str) -> str:
    path = Path(script)
    return path.read_text() if script and ";" not in script and path.is_file() else script


def _tell_json(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def _tell(what: dict[str, Any]) -> None:
    value = what.get("value")
    if what["event"] == "step":
        text = f"> {what['step']}"
    elif what["event"] == "caller":
        shown = value or {}
        who = shown["number"] or {"P": "private"}.get(shown["absent"], "unavailable")
        text = "display: " + " ".join(filter(None, (who, shown["name"], shown["when"])))
    elif what["event"] == "tone":
        text = f"hears {'+'.join(map(str, value or ()))} Hz" if value else "hears no tone"
    else:
        text = f"{what['event']} {'on' if value else 'off'}"
    print(text if what["event"] == "step" else f"{what['at_ms'] / 1000:8.2f} s  {text}", flush=True)


def _by_hand(made: Phone, performance: Performance) -> None:
    with _key_by_key():
        print(_HELP, flush=True)  # not before: what is typed until then is lost
        while True:
            performance.wait(lambda: bool(select.select([sys.stdin], [], [], 0)[0]), _LOOK_S)
            performance.look()
            if not select.select([sys.stdin], [], [], 0)[0]:
                continue
            key = os.read(sys.stdin.fileno(), 1).decode(errors="replace")
            if key in ("q", ""):
                return
            _press(made, key)


def _press(made: Phone, key: str) -> None:
    if key == "l":
        if made.off_hook:
            made.hang_up()
        else:
            made.lift()
        print("lifted" if made.off_hook else "down", flush=True)
    elif key == "f":
        made.flash()
    elif key in KEYS:
        made.dial(key)
    else:
        print(_HELP, flush=True)


@contextmanager
def _key_by_key() -> Iterator[None]:
    """The terminal gives each key at once, Ctrl-C still ends."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
