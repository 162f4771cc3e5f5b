"""The whole service: it starts, survives the death of each of its parts, and ends in order."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from fleet.domain.access import system_actor
from fleet.domain.mac_block import Registry
from fleet.mqtt.broker import BrokerFiles
from fleet.pki.authority import DeviceAuthority
from fleet.pki.certificates import common_name, key_pem, make_key
from fleet.services.build import Services, build_services
from fleet.services.certificates import credentials_of
from fleet.store.identities import IdentityRepository, IssuedIdentity
from protocol.wire.enumerations import REGISTER_RESULTS
from protocol.wire.mac import MacAddress
from protocol.wire.messages import Message, layout_of, pack, unpack
from protocol.wire.topics import down_topic, up_topic
from tests.fleet.mqtt.conftest import Client, Door
from tests.fleet.serve.conftest import START_S, RunningService, is_alive, until

TEST = system_actor("test")
MOST_TO_END_S = 2.0
TRIES = 3
CHILDREN = {"broker", "callout-0", "callout-1", "gateway-0", "worker", "api"}


@pytest.fixture
def services(service: RunningService) -> Iterator[Services]:
    built = build_services(service.settings)
    yield built
    built.transactions.engine.dispose()


@pytest.fixture
def door(service: RunningService) -> Iterator[Door]:
    from fleet.serve.state import State

    state = State(service.settings)
    door = Door(state, state.broker)
    yield door
    for client in door.clients:
        client.close()


@pytest.fixture
def unit(services: Services) -> tuple[str, Path]:
    """A unit with a certificate, not in stock yet: its serial number, and key and certificate in one file."""
    if not services.mac_blocks.page(TEST, 1, None):
        services.mac_blocks.add(TEST, Registry.MA_L, MacAddress.parse("00:1A:2B:00:00:00"), prefix_bits=24)
    made = services.provisioning.allocate(TEST, "simulated", 1, os.urandom(8))
    key = make_key()
    request = x509.CertificateSigningRequestBuilder().subject_name(common_name(made.serial)).sign(key, SHA256())
    authority = DeviceAuthority.load(credentials_of(services.settings).authorities)
    issued = authority.issue(
        request.public_bytes(Encoding.DER), made.serial, made.board_uid, made.mac, made.epoch, datetime.now(UTC)
    )
    with services.transactions.begin(TEST) as uow:
        record = IssuedIdentity(made.epoch, issued.fingerprint, issued.public_key_sha256, issued.der)
        IdentityRepository(uow).add(made.serial, record)
        uow.commit()
    path = services.settings.data_dir / f"{made.serial}.pem"
    certificate = x509.load_der_x509_certificate(issued.der)
    path.write_bytes(key_pem(key) + certificate.public_bytes(Encoding.PEM))
    return made.serial, path


def register(client: Client, serial: str, mac: MacAddress, sequence: int) -> Message:
    """What the fleet answers a registration; asked again until it comes, as a unit does."""
    numbers = {1: 0, 2: 0, 4: 0, 8: 0}
    values = {f[0]: numbers.get(f[1], bytes(f[2]) if f[1] == 16 else "x") for f in layout_of("register")[3]}
    values |= {"serial": serial, "mac": mac.octets, "epoch": 1, "board": "simulated", "hardware_revision": 1}
    client.client.publish(up_topic(serial, "register"), pack("register", values, 77, sequence), 1)
    message: Message = unpack(client.next("message").payload)
    return message


def let_in(door: Door, unit: tuple[str, Path]) -> Client:
    """The unit, connected and listening; it tries as long as it must."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        client = door.client(*unit)
        try:
            if client.connect() == "Success" and client.subscribe(down_topic(unit[0])) == 1:
                return client
        except OSError:
            pass
        client.close()
        time.sleep(0.1)
    raise AssertionError(f"{unit[0]} is not let in")


def shown_certificate(service: RunningService, port: int, client: Path | None = None) -> bytes:
    """What the server on `port` shows, verified as a unit would."""
    credentials = credentials_of(service.settings)
    context = ssl.create_default_context(cafile=str(credentials.server_anchor))
    if client:
        context.load_cert_chain(client)
    raw = socket.create_connection(("127.0.0.1", port), 5)
    with closing(context.wrap_socket(raw, server_hostname="localhost")) as secure:
        return secure.getpeercert(binary_form=True) or b""


def test_it_says_what_runs_where(service: RunningService) -> None:
    assert service.ready["ready"] is True
    assert service.pids().keys() == CHILDREN | {"supervisor"}
    assert service.ready["setup_link"].startswith(f"http://127.0.0.1:{service.settings.http_port}/console/setup#pll_")
    assert "pll_" not in (service.settings.data_dir / "service.json").read_text()
    assert httpx.get(f"{service.ready['addresses']['api']}/healthz").status_code == 200
    assert "<html" in httpx.get(service.ready["addresses"]["console"], follow_redirects=True).text


def test_its_files_are_its_owners_alone(service: RunningService) -> None:
    open_to_others = [
        path for path in service.settings.data_dir.rglob("*") if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    assert [path for path in open_to_others if path.suffix != ".crt"] == []


def test_the_update_server_shows_a_certificate_units_trust(service: RunningService) -> None:
    assert shown_certificate(service, service.settings.https_port)


def test_it_answers_the_time(service: RunningService) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(bytes([0x23]) + bytes(47), ("127.0.0.1", service.settings.ntp_port))
        seconds = int.from_bytes(client.recv(512)[40:44], "big") - 2_208_988_800
    assert abs(seconds - time.time()) < 5


def test_a_second_service_is_told_why_it_cannot_run(service: RunningService, tmp_path: Path) -> None:
    same = service.launch()
    _, error = same.communicate(timeout=START_S)
    assert same.returncode == 1
    assert f"another service runs on {service.settings.data_dir}" in error

    elsewhere = RunningService(service.settings.__class__(**_with_data(service, tmp_path / "other")))
    process = elsewhere.launch()
    _, error = process.communicate(timeout=START_S)
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{service.settings.broker_port}" in error
    assert "PLUGTONE_BROKER_PORT" in error
    assert "Traceback" not in error


def _with_data(service: RunningService, data_dir: Path) -> dict:
    from dataclasses import asdict

    return asdict(service.settings) | {"data_dir": data_dir}


def test_a_unit_registers_and_is_thrown_out_within_a_second_of_its_revocation(
    service: RunningService, services: Services, door: Door, unit: tuple[str, Path]
) -> None:
    serial, _ = unit
    client = let_in(door, unit)
    answer = register(client, serial, services.units.get(TEST, serial).unit.mac, 1)
    assert (answer.name, REGISTER_RESULTS[answer["result"]]) == ("registered", "not_in_stock")

    began = time.monotonic()
    services.units.revoke(TEST, serial, "stolen")
    client.next("disconnect")
    assert time.monotonic() - began < 1.0
    assert door.client(*unit).connect() == "Not authorized"


@pytest.mark.parametrize("name", sorted(CHILDREN))
def test_a_unit_is_served_again_after_kill_9_of(
    name: str, service: RunningService, services: Services, door: Door, unit: tuple[str, Path]
) -> None:
    mac = services.units.get(TEST, unit[0]).unit.mac
    assert register(let_in(door, unit), unit[0], mac, 1).name == "registered"
    before = service.pids()

    service.kill(name)

    until(lambda: service.pids().keys() == before.keys() and service.pids() != before, f"{name} runs again")
    assert {other for other in before if before[other] != service.pids()[other]} == {name}
    assert register(let_in(door, unit), unit[0], mac, 2).name == "registered"
    until(lambda: _is_healthy(service), "the API answers")


def _is_healthy(service: RunningService) -> bool:
    try:
        return httpx.get(f"{service.ready['addresses']['api']}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_renewed_certificate_is_shown_without_a_restart_of_the_api(
    service: RunningService, services: Services, door: Door, unit: tuple[str, Path]
) -> None:
    before, pids = shown_certificate(service, service.settings.https_port), service.pids()
    credentials = credentials_of(service.settings)
    credentials.server.write_bytes(b"")
    assert credentials.renew(datetime.now(UTC)) == ["server"]
    new = x509.load_pem_x509_certificate(credentials.server.read_bytes()).public_bytes(Encoding.DER)
    assert new != before
    until(lambda: shown_certificate(service, service.settings.https_port) == new, "the API shows the new certificate")
    assert service.pids() == pids

    port = service.settings.broker_port
    until(lambda: shown_certificate(service, port, unit[1]) == new, "the broker shows the new certificate")
    let_in(door, unit)


def test_kill_9_of_the_service_takes_all_with_it_and_it_starts_again_at_once(
    service: RunningService, services: Services, door: Door, unit: tuple[str, Path]
) -> None:
    pids = service.pids()
    assert service.process
    service.process.send_signal(signal.SIGKILL)
    service.process.communicate()
    service.start()
    # The kernel's word to them came with the kill; on a busy machine it takes its time to be carried out.
    until(lambda: not [name for name, pid in pids.items() if is_alive(pid)], "the old service's children are gone")
    mac = services.units.get(TEST, unit[0]).unit.mac
    assert register(let_in(door, unit), unit[0], mac, 1).name == "registered"


def test_sigterm_ends_all_in_order_and_nothing_is_left(service: RunningService) -> None:
    took_s = []
    for _ in range(TRIES):  # the machine may be busy with other tests
        pids = service.pids()
        began = time.monotonic()
        assert service.stop() == 0
        took_s.append(time.monotonic() - began)
        if took_s[-1] < MOST_TO_END_S:
            break
        service.start()
    assert took_s[-1] < MOST_TO_END_S, took_s
    assert not [name for name, pid in pids.items() if is_alive(pid)]
    assert not (service.settings.data_dir / "service.json").exists()
    log = BrokerFiles(service.settings.data_dir / "broker").log.read_text()
    assert log.rstrip().endswith("Server Exiting..")
    service.start()
    assert json.dumps(service.ready)
