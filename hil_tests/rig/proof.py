"""Before the first test: does the power switch of a place switch the board of that place?

A test that cuts power proves nothing where the switch is dead, and ruins another job's where it is another board's.
"""

from __future__ import annotations

import time
from typing import Final

from hil_tests.rig.errors import WiringError
from hil_tests.rig.hand import Hand

SILENCE_S: Final = 1.5  # a hello is asked three times in it
AWAKE_LIMIT_S: Final = 15.0
DISCHARGE_S: Final = 1.0  # what a real board's capacitors keep it alive after the cut


def prove(hand: Hand) -> None:
    """Off: the board is silent. On: it answers, and it is that board. WiringError says what is wrong."""
    if hand.power is None:
        return
    where = f"{hand.board.name} on {hand.port}"
    hand.power.off()
    if hand.power.is_on():
        raise WiringError(f"the power switch of {where} says it is still on after it was switched off: it is dead")
    if hand.sim is None:
        time.sleep(DISCHARGE_S)
    answer = hand.hello(SILENCE_S)
    if answer is not None:
        raise WiringError(
            f"{where} still answers with its power switched off ({_who(answer)}): the switch is dead, or it is another "
            "board's; look at the plug and at the bench file"
        )
    hand.power.on()
    if not hand.power.is_on():
        raise WiringError(f"the power switch of {where} says it is off after it was switched on: it is dead")
    answer = hand.hello(AWAKE_LIMIT_S)
    if answer is None:
        raise WiringError(
            f"nothing answers on {hand.port} in {AWAKE_LIMIT_S:.0f} s with power switched on: the port is another "
            "board's, the cable is out, or nothing that answers is in its flash"
        )
    uid = answer["board_uid"].hex() if answer.name == "hello_reply" else ""
    wanted = hand.place.uid
    if uid and wanted and uid != wanted:
        raise WiringError(f"board {uid} answers on {hand.port}, not {wanted}: the ports are crossed")


def _who(answer: object) -> str:
    name = getattr(answer, "name", "")
    return f"board {answer['board_uid'].hex()}" if name == "hello_reply" else "its ROM loader"  # type: ignore[index]
