"""Where each user is to be found: the bindings that REGISTER makes, keeps and ends (RFC 3261 10.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from adapter.sip.errors import SipError
from adapter.sip.uri import name_addr, number

Address = tuple[str, int]

MIN_EXPIRES_S: Final = 60
MAX_EXPIRES_S: Final = 7200
DEFAULT_EXPIRES_S: Final = 600
MAX_CONTACTS: Final = 4  # of one user
_MAX_NUMBER: Final = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Binding:
    """A contact URI, where its REGISTER came from, and until when it holds."""

    contact: str
    source: Address
    until_ms: int
    call_id: str
    cseq: int


class TooBriefError(Exception):
    """An expiry below `least_s` seconds: 423 (RFC 3261 10.3, 21.4.17)."""

    def __init__(self, least_s: int) -> None:
        super().__init__(f"registrations hold {least_s} s at least")
        self.least_s = least_s


class Bindings:
    """By user; what has expired is gone when it is looked at."""

    def __init__(self, min_expires_s: int = MIN_EXPIRES_S) -> None:
        self._min_expires_s = min_expires_s
        self._of: dict[str, list[Binding]] = {}

    def of(self, user: str, now_ms: int) -> list[Binding]:
        """The bindings of a user, the newest first."""
        found = [each for each in self._of.get(user, []) if each.until_ms > now_ms]
        if found:
            self._of[user] = found
        else:
            self._of.pop(user, None)
        return found

    def forget(self, user: str) -> None:
        """The user has no bindings any more."""
        self._of.pop(user, None)

    def register(self, user: str, message: Any, source: Address, now_ms: int) -> list[Binding]:
        """Carries out an authentic REGISTER, wholly or (SipError, TooBriefError) not at all; the bindings then.

        Of more than MAX_CONTACTS the oldest go: one that loses its power again and again cannot take them back.
        """
        known = {each.contact: each for each in reversed(self.of(user, now_ms))}
        contacts = message.all("contact")
        call_id, cseq = message.get("call-id"), message.cseq[0]
        wanted = [self._asked(value, message) for value in contacts]
        if any(uri == "*" for uri, _ in wanted):  # step 6
            if wanted != [("*", 0)]:
                raise SipError("Contact * goes alone, and with Expires 0", 400, message)
            wanted = [(uri, 0) for uri in known]
        for uri, expires_s in wanted:  # step 7
            before = known.get(uri)
            if before is not None and before.call_id == call_id and before.cseq > cseq:
                raise SipError(f"CSeq {cseq} after {before.cseq}", 500, message)
            known.pop(uri, None)
            if expires_s:
                known[uri] = Binding(uri, source, now_ms + 1000 * expires_s, call_id, cseq)
        if len(contacts) > MAX_CONTACTS:
            raise SipError(f"{len(contacts)} contacts, at most {MAX_CONTACTS}", 403, message)
        self._of[user] = _newest_first(list(known.values())[-MAX_CONTACTS:])
        return self.of(user, now_ms)

    def _asked(self, value: str, message: Any) -> tuple[str, int]:
        """(contact URI, seconds) that one Contact asks for."""
        _, uri, parameters = name_addr(value)
        text = parameters.get("expires") or message.get("expires")
        expires_s = int(number(text, _MAX_NUMBER)) if text else DEFAULT_EXPIRES_S
        if 0 < expires_s < self._min_expires_s:
            raise TooBriefError(self._min_expires_s)
        return uri, min(expires_s, MAX_EXPIRES_S)


def _newest_first(bindings: Iterable[Binding]) -> list[Binding]:
    return sorted(bindings, key=lambda each: -each.until_ms)
