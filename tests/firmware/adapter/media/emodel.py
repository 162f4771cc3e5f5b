"""ITU-T G.107 (06/2015) clause 7 in full, all parameters of table 2 at hand: what the unit's short form is held to."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log2, log10, sqrt


@dataclass(frozen=True)
class Line:
    """The parameters of table 2, with their default values."""

    slr: float = 8
    rlr: float = 2
    stmr: float = 15
    lstr: float = 18
    ds: float = 3
    telr: float = 65
    wepl: float = 110
    t: float = 0
    tr: float = 0
    ta: float = 0
    qdu: float = 1
    ie: float = 0
    bpl: float = 4.3
    ppl: float = 0
    burst_r: float = 1
    nc: float = -70
    nfor: float = -64
    ps: float = 35
    pr: float = 35
    a: float = 0


def r_of(line: Line) -> float:
    """Equation 7-1."""
    no = noise(line)
    ro = 15 - 1.5 * (line.slr + no)
    return ro - simultaneous(line, ro, no) - delay(line, ro, no) - equipment(line) + line.a


def noise(line: Line) -> float:
    """No, equations 7-3 to 7-7."""
    olr = line.slr + line.rlr
    nos = line.ps - line.slr - line.ds - 100 + 0.004 * (line.ps - olr - line.ds - 14) ** 2
    pre = line.pr + 10 * log10(1 + 10 ** ((10 - line.lstr) / 10))
    nor = line.rlr - 121 + pre + 0.008 * (pre - 35) ** 2
    return 10 * log10(sum(10 ** (each / 10) for each in (line.nc, nos, nor, line.nfor + line.rlr)))


def simultaneous(line: Line, ro: float, no: float) -> float:
    """Is, equations 7-8 to 7-17."""
    olr = line.slr + line.rlr
    xolr = olr + 0.2 * (64 + no - line.rlr)
    iolr = 20 * ((1 + (xolr / 8) ** 8) ** (1 / 8) - xolr / 8)
    stmro = -10 * log10(10 ** (-line.stmr / 10) + exp(-line.t / 4) * 10 ** (-line.telr / 10))
    ist = (
        12 * (1 + ((stmro - 13) / 6) ** 8) ** (1 / 8)
        - 28 * (1 + ((stmro + 1) / 19.4) ** 35) ** (1 / 35)
        - 13 * (1 + ((stmro - 3) / 33) ** 13) ** (1 / 13)
        + 29
    )
    q = 37 - 15 * log10(line.qdu)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    iq = 15 * log10(1 + 10 ** ((ro - 100) / 15 + 46 / 8.4 - g / 9) + 10 ** (46 / 30 - g / 40))
    return iolr + ist + iq


def delay(line: Line, ro: float, no: float) -> float:
    """Id, equations 7-18 to 7-28."""
    terv = line.telr - 40 * log10((1 + line.t / 10) / (1 + line.t / 150)) + 6 * exp(-0.3 * line.t**2)
    roe = -1.5 * (no - line.rlr)
    re = 80 + 2.5 * (terv - 14)
    idte = 0.0
    if line.t >= 1:
        idte = ((roe - re) / 2 + sqrt((roe - re) ** 2 / 4 + 100) - 1) * (1 - exp(-line.t))
    rle = 10.5 * (line.wepl + 7) * (line.tr + 1) ** -0.25
    idle = (ro - rle) / 2 + sqrt((ro - rle) ** 2 / 4 + 169)
    idd = 0.0
    if line.ta > 100:
        x = log2(line.ta / 100)
        idd = 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    return idte + idle + idd


def equipment(line: Line) -> float:
    """Ie-eff, equation 7-29."""
    return line.ie + (95 - line.ie) * line.ppl / (line.ppl / line.burst_r + line.bpl)
