"""The service's own certificates are made, kept and renewed in time."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet.pki.authority import SERVER_DAYS
from fleet.pki.renewal import RENEW_BEFORE, Credentials

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    made = Credentials(tmp_path / "pki", tmp_path / "tls", ("localhost", "127.0.0.1"), ("gateway-0",))
    made.create_authorities(NOW)
    made.renew(NOW)
    return made


def test_the_first_start_makes_all_and_the_second_none(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "pki", tmp_path / "tls", ("localhost",), ("gateway-0",))
    credentials.create_authorities(NOW)
    anchors = {path.name: path.read_bytes() for path in (tmp_path / "pki").iterdir()}
    assert credentials.renew(NOW) == ["server", "gateway-0"]
    assert credentials.renew(NOW) == []
    credentials.create_authorities(NOW)
    assert {path.name: path.read_bytes() for path in (tmp_path / "pki").iterdir()} == anchors
    assert credentials.server.stat().st_mode & 0o777 == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(credentials.server)


def test_a_certificate_is_renewed_when_its_end_comes_near_and_not_before(credentials: Credentials) -> None:
    due = NOW + timedelta(days=SERVER_DAYS) - RENEW_BEFORE
    before = credentials.server.read_bytes()
    assert credentials.renew(due - timedelta(seconds=1)) == []
    assert credentials.server.read_bytes() == before
    assert credentials.renew(due) == ["server", "gateway-0"]
    assert credentials.server.read_bytes() != before


def test_other_host_names_make_a_new_server_certificate_alone(credentials: Credentials) -> None:
    assert replace(credentials, hosts=("fleet.example", "localhost", "127.0.0.1")).renew(NOW) == ["server"]


def test_a_spoilt_file_is_replaced(credentials: Credentials) -> None:
    credentials.server.write_bytes(credentials.gateway("gateway-0").read_bytes()[:-40])
    assert credentials.renew(NOW) == ["server"]
