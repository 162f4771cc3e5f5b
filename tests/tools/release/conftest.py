"""The fixtures of the fleet's own tests: the release commands are tried against the real service."""

from tests.fleet.conftest import authorities, clock, passwords, services, settings, url

__all__ = ["authorities", "clock", "passwords", "services", "settings", "url"]
