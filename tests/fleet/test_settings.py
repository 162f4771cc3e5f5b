"""Settings are read from the environment, and refused with the value seen."""

from __future__ import annotations

import pytest

from fleet.settings import SettingsError, read_settings


def test_mirrors_are_hosts_with_ports_in_their_order() -> None:
    settings = read_settings({"PLUGTONE_UPDATE_MIRRORS": "a.example:443, b.example:8443"})
    assert settings.mirrors == (("a.example", 443), ("b.example", 8443))
    assert read_settings({}).mirrors == ()


@pytest.mark.parametrize(
    "text", ["a.example", ":443", "a.example:0", "a.example:65536", "a.example:x", "a" * 65 + ":1", "a:1,b:1,c:1,d:1"]
)
def test_what_names_no_mirrors_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="PLUGTONE_UPDATE_MIRRORS"):
        read_settings({"PLUGTONE_UPDATE_MIRRORS": text})
