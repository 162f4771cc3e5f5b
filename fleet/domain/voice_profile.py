"""The operator's voice profile: what every unit's telephone needs beside its own account (equipment rules 1, 7).

The bounds are the wire's (`configuration`, version 4), so that a profile that is kept can be sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fleet.domain.errors import InvalidError

MAX_REGISTRARS: Final = 4
MAX_NAME_SERVERS: Final = 2
MAX_HOST_CHARACTERS: Final = 64
MAX_DIAL_PLAN_CHARACTERS: Final = 200
MAX_EMERGENCY_CHARACTERS: Final = 64  # all numbers, with commas between
MAX_MAILBOX_CHARACTERS: Final = 64
MAX_REALM_CHARACTERS: Final = 64
MAX_USER_CHARACTERS: Final = 16  # a number of E.164 with its +; a serial number is shorter
CODECS: Final = ("PCMU", "PCMA")
PTIMES_MS: Final = (10, 20, 30)
REGISTRATION_S: Final = range(60, 7201)
# In `mailbox`: the user of the line's own account stands there.
OWN_USER: Final = "{user}"

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_ELEMENT = r"(?:X|[0-9*#A-D]|\[(?:[0-9]-[0-9]|[0-9*#A-D])+\])"
_ALTERNATIVE = rf"(?:{_ELEMENT}\.?)+T?"
_DIGIT_MAP = re.compile(rf"{_ALTERNATIVE}(?:\|{_ALTERNATIVE})*")
_RANGE = re.compile("([0-9])-([0-9])")
_DIALLED = re.compile(r"[0-9*#]{2,16}")


class Transport(StrEnum):
    """The names of the wire's TRANSPORTS."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class MediaSecurity(StrEnum):
    """The names of the wire's MEDIA_SECURITY: SRTP never, where the other end has it, or no call without."""

    OFF = "off"
    OFFERED = "offered"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Registrar:
    """`port` 0: host and port by the SRV records of `host` (RFC 3263)."""

    host: str
    port: int = 0
    transport: Transport = Transport.UDP


@dataclass(frozen=True, slots=True)
class NameServer:
    host: str
    port: int = 53


@dataclass(frozen=True, slots=True)
class VoiceProfile:
    """`registrars` in the order they are tried. `realm` empty: the domain. `country`: whose tones people know.

    `emergency`: numbers that are always put through. `mailbox` empty: no unit asks about waiting messages.
    `dns` empty: the name servers of the unit's own network.
    """

    domain: str
    registrars: tuple[Registrar, ...]
    realm: str = ""
    country: str = "US"
    emergency: tuple[str, ...] = ("911",)
    dial_plan: str = ""
    codecs: tuple[str, ...] = CODECS
    ptime_ms: int = 20
    registration_s: int = 600
    media_security: MediaSecurity = MediaSecurity.OFF
    mailbox: str = ""
    dns: tuple[NameServer, ...] = ()

    @property
    def digest_realm(self) -> str:
        """What the registrar challenges with."""
        return self.realm or self.domain


def check_profile(profile: VoiceProfile) -> VoiceProfile:
    """`profile`, if a unit can be told it; InvalidError that says what is wrong with it."""
    for holds, says in _CHECKS:
        if not holds(profile):
            raise InvalidError(says)
    for registrar in profile.registrars:
        _check_place(registrar.host, registrar.port, least=0)
    for server in profile.dns:
        _check_place(server.host, server.port, least=1)
    return profile


_CHECKS: Final[Sequence[tuple[Callable[[VoiceProfile], bool], str]]] = (
    (lambda p: _is_host(p.domain), f"domain is a host name of at most {MAX_HOST_CHARACTERS} characters"),
    (
        lambda p: _is_text(p.realm, MAX_REALM_CHARACTERS) and not set(p.realm) & {'"', "\\"},
        f"realm is printable ASCII without quotes, at most {MAX_REALM_CHARACTERS} characters",
    ),
    (lambda p: 1 <= len(p.registrars) <= MAX_REGISTRARS, f"a profile has 1 to {MAX_REGISTRARS} registrars"),
    (lambda p: len(set(p.registrars)) == len(p.registrars), "a registrar stands there once"),
    (lambda p: len(p.dns) <= MAX_NAME_SERVERS, f"a profile has at most {MAX_NAME_SERVERS} name servers"),
    (lambda p: bool(_COUNTRY.fullmatch(p.country)), "country is two capital letters, as US"),
    (
        lambda p: bool(p.emergency) and all(_DIALLED.fullmatch(each) for each in p.emergency),
        "emergency names at least one number of 2 to 16 digits, as 911",
    ),
    (
        lambda p: len(",".join(p.emergency)) <= MAX_EMERGENCY_CHARACTERS,
        f"the emergency numbers have at most {MAX_EMERGENCY_CHARACTERS} characters together",
    ),
    (
        lambda p: _is_text(p.dial_plan, MAX_DIAL_PLAN_CHARACTERS),
        f"dial_plan is printable ASCII, at most {MAX_DIAL_PLAN_CHARACTERS} characters",
    ),
    (
        lambda p: not p.dial_plan or is_digit_map(p.dial_plan),
        "dial_plan is a digit map as [2-9]xxxxxxxxx|911|011x.T, or empty for the country's own",
    ),
    (
        lambda p: 0 < len(set(p.codecs)) == len(p.codecs) and set(p.codecs) <= set(CODECS),
        f"codecs are some of {', '.join(CODECS)}, each once",
    ),
    (lambda p: p.ptime_ms in PTIMES_MS, f"ptime_ms is one of {', '.join(map(str, PTIMES_MS))}"),
    (
        lambda p: p.registration_s in REGISTRATION_S,
        f"registration_s is {REGISTRATION_S.start} to {REGISTRATION_S.stop - 1}",
    ),
    (
        lambda p: _is_text(mailbox_of(p, "+" * MAX_USER_CHARACTERS), MAX_MAILBOX_CHARACTERS),
        f"mailbox is printable ASCII, at most {MAX_MAILBOX_CHARACTERS} characters with the longest number in it",
    ),
)


def is_digit_map(text: str) -> bool:
    """Whether a unit takes `text` for a dial plan (RFC 3435 2.1.5; firmware/adapter/dial_plan.py)."""
    plan = "".join(text.upper().split())
    plan = plan[1:-1] if plan[:1] == "(" and plan[-1:] == ")" else plan
    return _DIGIT_MAP.fullmatch(plan) is not None and all(low <= high for low, high in _RANGE.findall(plan))


def mailbox_of(profile: VoiceProfile, user: str) -> str:
    """Whose messages wait for the line of `user`."""
    return profile.mailbox.replace(OWN_USER, user)


def _is_host(text: str) -> bool:
    return len(text) <= MAX_HOST_CHARACTERS and _HOST.fullmatch(text) is not None


def _is_text(text: str, most: int) -> bool:
    return len(text) <= most and _PRINTABLE.fullmatch(text) is not None


def _check_place(host: str, port: int, least: int) -> None:
    if not _is_host(host):
        raise InvalidError(f"a host is a name or an address of at most {MAX_HOST_CHARACTERS} characters")
    if not least <= port < 1 << 16:
        raise InvalidError(f"a port is {least} to 65535, got {port}")
