"""What is open to the network, and what to this machine alone."""

from __future__ import annotations

from fleet.domain.access import Actor, Role
from fleet.serve.listening import bind
from fleet.services.build import Services, build_services
from fleet.settings import Settings, read_settings
from tests.fleet.conftest import Clock
from tests.fleet.mqtt.conftest import free_ports
from tests.fleet.serve.conftest import PORTS

EVERYWHERE = "0.0.0.0"


def test_the_plain_port_is_on_loopback_wherever_units_are_served() -> None:
    """Decision 0003: passwords and tokens never cross a network in plain HTTP."""
    sockets = bind(Settings(host=EVERYWHERE, **dict(zip(PORTS, free_ports(len(PORTS)), strict=True))))
    hosts = [each.getsockname()[0] for each in (sockets.http, sockets.https, sockets.ntp)]
    for each in (sockets.http, sockets.https, sockets.ntp):
        each.close()
    assert hosts == ["127.0.0.1", EVERYWHERE, EVERYWHERE]


def test_links_name_the_proxy_people_come_through(services: Services, admin: Actor, clock: Clock) -> None:
    environment = {"PLUGTONE_PUBLIC_URL": "https://fleet.example.net/", "PLUGTONE_HOST": EVERYWHERE}
    behind_proxy = read_settings(environment | {"PLUGTONE_DATA_DIR": str(services.settings.data_dir)})
    people = build_services(behind_proxy, clock).people
    bob = people.invite(admin, "Bob", "bob@example.net", frozenset({Role.VIEWER}), None)
    assert people.password_link(admin, bob.id).startswith("https://fleet.example.net/console/password#pll_")
    assert behind_proxy.base_url == "http://127.0.0.1:8080"
