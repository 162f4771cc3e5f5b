"""What a scanner read from a label, or somebody typed: which unit it names."""

from __future__ import annotations


def unit_named(scanned: str) -> str:
    """The serial number or MAC address in a scan; of a QR code the serial number alone.

    The claim code behind it stays here: it is for whoever holds the unit, and no log may have it.
    """
    text = scanned.strip()
    if "#" in text:
        text = text.rpartition("#")[2].rpartition("-")[0]
    return text.upper()
