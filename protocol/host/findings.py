"""What a failed self-test says, and what to do about it: by test and code, for the bench and for the fleet's pages.

The unit reports the code (`self_test_report.codes`), never the words. Code 0 is a test that passed or was skipped, or
the failure of a unit that reports no codes. `measured` says what the row's value is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocol.wire.link_enumerations import SELF_TESTS


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` for programs, `text` and `remedy` for the person at the bench."""

    name: str
    text: str
    remedy: str


MEASURED: Final = {
    "ram": "first wrong cell",
    "flash": "first wrong byte",
    "ethernet": "1: link up",
    "usb": "bytes not read, or damaged frames",
    "led": "1: the pin follows",
    "clock": "microseconds it went on",
    "mac": "the address's last three octets",
    "entropy": "ones in 512 bits",
    "line": "level that came back, tenths of dB below 0 dBm0 (130 is exact)",
    "ring": "volts of the bell's generator",
}

_SCRAP: Final = "put the board aside for repair; the chip has to be replaced"

FINDINGS: Final = {
    ("ram", 1): Finding("ram_stuck", "a RAM cell does not hold what is written to it", _SCRAP),
    ("flash", 1): Finding("flash_not_erased", "a flash block does not erase", _SCRAP),
    ("flash", 2): Finding("flash_not_programmed", "a flash block does not take what is written to it", _SCRAP),
    ("ethernet", 1): Finding(
        "ethernet_no_link",
        "the Ethernet port has no link",
        "plug in the bench's Ethernet cable, or another one; if the port stays dark, put the board aside for repair",
    ),
    ("usb", 1): Finding(
        "usb_not_read",
        "what the unit sends over USB is not read in time",
        "use another USB port, without a hub, and close other programs on it",
    ),
    ("usb", 2): Finding(
        "usb_damaged",
        "what comes in over USB is damaged",
        "use another USB cable; if it happens again, put the board aside for repair of its USB socket",
    ),
    ("led", 1): Finding(
        "led_shorted", "the LED's pin does not follow", "look for solder between the LED's pads; else repair"
    ),
    ("clock", 1): Finding("clock_stopped", "the clock does not move", _SCRAP),
    ("clock", 2): Finding("clock_leaps", "the clock goes backwards or leaps", _SCRAP),
    ("mac", 1): Finding(
        "mac_not_unique",
        "the MAC address is a group's or zero, no unit's own",
        "tell the operator: the fleet gave out a wrong address; flash the board again after that",
    ),
    ("mac", 2): Finding("mac_not_taken", "the Ethernet controller does not keep its MAC address", _SCRAP),
    ("entropy", 1): Finding("entropy_stuck", "the random source repeats itself", _SCRAP),
    ("entropy", 2): Finding("entropy_biased", "the random source gives too many ones or zeros", _SCRAP),
    ("line", 1): Finding(
        "line_silent",
        "no sound comes back over the telephone line",
        "see that no telephone is plugged in, and look for an open joint at the telephone socket and the line chip",
    ),
    ("line", 2): Finding(
        "line_weak", "the telephone line is more than 3 dB too quiet", "look for a wrong part at the line chip; repair"
    ),
    ("line", 3): Finding(
        "line_loud", "the telephone line is more than 3 dB too loud", "look for a wrong part at the line chip; repair"
    ),
    ("line", 4): Finding(
        "line_noisy",
        "the telephone line hums or distorts",
        "use the bench's own power supply; if it stays, put the board aside for repair",
    ),
    ("ring", 1): Finding(
        "ring_none", "the bell has no voltage", "look for an open joint at the ring generator; else repair"
    ),
    ("ring", 2): Finding(
        "ring_low", "the bell's voltage is below 40 V", "use the bench's own power supply; if it stays low, repair"
    ),
    ("ring", 3): Finding(
        "ring_high", "the bell's voltage is above 90 V", "do not ship it: put the board aside for repair"
    ),
    ("ring", 4): Finding(
        "ring_no_trip", "a handset lifted while it rings is not seen", "put the board aside for repair of the line chip"
    ),
    # By the station, which holds the unit's clock against its own.
    ("clock", 128): Finding("clock_off", "the clock goes more than 500 ppm wrong", _SCRAP),
}


def finding_of(test: str, code: int) -> Finding:
    """What a failure means; one that this table does not know is told as it is."""
    found = FINDINGS.get((test, code))
    if found is not None:
        return found
    unknown = f"{test} failed" if test in SELF_TESTS else f"the unknown test {test} failed"
    return Finding(f"{test}_{code}", unknown, "repeat the test; if it fails again, put the board aside for repair")


def told(test: str, code: int, value: int) -> str:
    """The failure in one sentence, with what was measured and what to do."""
    found = finding_of(test, code)
    return f"{found.text} ({test}, value {value}): {found.remedy}"
