"""A voice account: what a registrar gets of it checks a digest, and nothing that prints it shows the secret."""

from __future__ import annotations

import hashlib

import pytest

from fleet.domain.line_allowance import LineLevel
from fleet.domain.voice_account import VoiceAccount, new_password, new_tag, subscriber_of
from fleet.domain.voice_profile import Registrar, Transport, VoiceProfile

NUMBER = "+15555550100"


def profile(realm: str = "") -> VoiceProfile:
    return VoiceProfile(
        domain="voice.example",
        registrars=(Registrar(host="a.example", port=5060, transport=Transport.UDP),),
        realm=realm,
    )


@pytest.mark.parametrize(("realm", "challenged"), [("", "voice.example"), ("other", "other")])
def test_a_subscriber_has_the_digests_of_the_realm_that_is_challenged(realm: str, challenged: str) -> None:
    account = VoiceAccount("PT000000018", "tag", NUMBER, "secret")
    found = subscriber_of(account, profile(realm), LineLevel.FULL)
    secret = f"{NUMBER}:{challenged}:secret".encode()
    assert (found.serial, found.user, found.domain, found.realm) == ("PT000000018", NUMBER, "voice.example", challenged)
    assert (found.ha1_md5, found.ha1_sha256) == (hashlib.md5(secret).hexdigest(), hashlib.sha256(secret).hexdigest())
    assert found.level == LineLevel.FULL


def test_what_prints_an_account_shows_no_secret() -> None:
    account = VoiceAccount("PT000000018", "tag", NUMBER, "secret")
    found = subscriber_of(account, profile(), LineLevel.FULL)
    assert repr(account) == "VoiceAccount(PT000000018, tag)"
    assert repr(found) == "Subscriber(PT000000018)"
    assert "secret" not in f"{account} {found}"


def test_passwords_and_tags_are_never_the_same_and_need_no_quotes() -> None:
    passwords = {new_password() for _ in range(100)}
    assert len(passwords) == len({new_tag() for _ in range(100)}) == 100
    assert all(password.replace("-", "").replace("_", "").isalnum() and len(password) >= 20 for password in passwords)
