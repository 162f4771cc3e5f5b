"""Whether a request proves who sent it: digest challenges and their answers, MD5 and SHA-256 (RFC 7616, 8760).

Nonces say when they were made and that we made them, so that none is kept but for the count of its uses. Of a nonce
each count is good once, and again for a request that is the same: on UDP it may come several times.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from adapter.sip.digest import fields
from adapter.sip.errors import SipError
from tools.sim.registrar.subscribers import Subscriber

NONCE_LIFE_MS: Final = 300_000
MAX_NONCES: Final = 10_000
_MAC_CHARS: Final = 32
_TIME_CHARS: Final = 12
_HASHES: Final = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}  # the order they are offered in, RFC 8760 2.4


class Verdict(StrEnum):
    """What the credentials of a request are worth. AGAIN: good, and the same request as before."""

    MISSING = "missing"
    STALE = "stale"
    WRONG = "wrong"
    GOOD = "good"
    AGAIN = "again"


class Challenges:
    """`secret` makes nonces ours; `life_ms` is how long one may be used."""

    def __init__(self, secret: bytes, life_ms: int = NONCE_LIFE_MS) -> None:
        self._secret = secret
        self._life_ms = life_ms
        self._uses: dict[str, tuple[int, str]] = {}  # nonce -> highest count, and the request it came with

    def values(self, realm: str, now_ms: int, *, stale: bool) -> list[str]:
        """WWW-Authenticate or Proxy-Authenticate, one for each algorithm."""
        issued = f"{now_ms:0{_TIME_CHARS}x}"
        nonce = issued + self._mac(issued + realm)
        more = ", stale=true" if stale else ""
        return [f'Digest realm="{realm}", nonce="{nonce}", algorithm={name}, qop="auth"{more}' for name in _HASHES]

    def credentials(self, message: Any, name: str, realm: str) -> dict[str, str] | None:
        """The credentials in the fields `name` of a message that are for `realm`."""
        for value in message.all(name):
            try:
                found: dict[str, str] = fields(value)
            except SipError:
                continue
            if found.get("realm") == realm and found.keys() >= {"username", "nonce", "uri", "response"}:
                return found
        return None

    def check(self, given: Mapping[str, str], message: Any, subscriber: Subscriber | None, now_ms: int) -> Verdict:
        """What `given` proves of a request; `subscriber` is whom it names, if we know one of that name."""
        issued, mac = given["nonce"][:_TIME_CHARS], given["nonce"][_TIME_CHARS:]
        if not hmac.compare_digest(mac.encode(), self._mac(issued + given["realm"]).encode()):
            return Verdict.STALE  # of another life of ours, or of nobody's: the answer to a new one will tell
        if now_ms - int(issued, 16) > self._life_ms:
            return Verdict.STALE
        if subscriber is None or not _is_proof(given, message, subscriber):
            return Verdict.WRONG
        return self._count(given, message)

    def _count(self, given: Mapping[str, str], message: Any) -> Verdict:
        """RFC 7616 3.4: each count once."""
        nonce, request = given["nonce"], f"{message.get('call-id')} {message.get('cseq')}"
        try:
            count = int(given.get("nc", "1"), 16)
        except ValueError:
            return Verdict.WRONG
        highest, latest = self._uses.get(nonce, (0, ""))
        if count == highest and request == latest:
            return Verdict.AGAIN
        if count <= highest:
            return Verdict.STALE
        while len(self._uses) >= MAX_NONCES and nonce not in self._uses:
            self._uses.pop(next(iter(self._uses)))
        self._uses[nonce] = (count, request)
        return Verdict.GOOD

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:_MAC_CHARS]


def _is_proof(given: Mapping[str, str], message: Any, subscriber: Subscriber) -> bool:
    """RFC 7616 3.4.1, from HA1 on; of the qualities of protection we offer `auth` alone."""
    algorithm = given.get("algorithm", "MD5").upper()
    if algorithm not in _HASHES or given.get("qop", "") != "auth" or given["uri"] != message.uri:
        return False
    secret = subscriber.ha1_sha256 if algorithm == "SHA-256" else subscriber.ha1_md5

    def digest(text: str) -> str:
        return _HASHES[algorithm](text.encode()).hexdigest()

    middle = f"{given['nonce']}:{given.get('nc', '')}:{given.get('cnonce', '')}:auth"
    expected = digest(f"{secret}:{middle}:{digest(f'{message.method}:{message.uri}')}")
    return hmac.compare_digest(expected.encode(), given["response"].encode())
