"""Accounts of the configuration's `voice` for tests."""

from __future__ import annotations

from typing import Any

HOST = "127.0.0.1"
PASSWORD = "secret"  # of everybody


def account(user: str, *registrar_ports: int, **changes: Any) -> dict[str, Any]:
    """A row of the configuration's `voice`, with registrars at ports of the loopback."""
    row: dict[str, Any] = {
        "user": user, "auth_user": user, "password": PASSWORD, "domain": HOST, "display_name": "Plugtone",
        "country": "US", "emergency": "911,933", "dial_plan": "555xxxx", "codecs": "PCMU,PCMA", "ptime_ms": 20,
        "registration_s": 600, "media_security": 0, "mailbox": "", "registrars": [], "dns": [],
    }  # fmt: skip
    row["registrars"] = [{"host": HOST, "port": port, "transport": 0} for port in registrar_ports]
    return row | changes
