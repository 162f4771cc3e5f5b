"""The other end of a board's life, for one session: a fleet service, signed releases, a station, a registrar.

Nothing of it starts before a test needs it. One fleet serves all tests of a session: what they share is said in
docs/rig.md. People and orders are the demo's.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from tools.client import RefusedError
from tools.demo import living, making
from tools.demo.calling import DOMAIN
from tools.demo.narrator import Narrator
from tools.demo.story import SETTINGS
from tools.demo.switchboard import Switchboard
from tools.demo.world import World
from tools.release.build import build_image
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys, create_keys, standard_names
from tools.release.publication import send
from tools.release.record import ReleaseFacts
from tools.release.sign import NO_FACTS, initialise, sign_image
from tools.sim.loader import SerialPort
from tools.sim.service import Service
from tools.station.flasher import Image
from tools.station.journal import Journal
from tools.station.provision import Job, flash_unit

FIRST: Final = "1.0.0"


class House:
    """For boards called `board`. `address`: where they reach the fleet; empty: this machine's loopback."""

    def __init__(self, folder: Path, board: str, address: str = "") -> None:
        self._folder = folder
        self._board = board
        self._address = address
        self._releases = 1
        self._opened = False
        self._registrar: Switchboard | None = None

    @cached_property
    def first_image(self) -> bytes:
        """The first image a station writes."""
        return build_image(self._board, FIRST, 1)

    @cached_property
    def world(self) -> World:
        """The fleet and who acts there; it starts now."""
        settings = SETTINGS | ({"host": self._address, "public_host": self._address} if self._address else {})
        self._folder.mkdir(parents=True, exist_ok=True)
        self._opened = True
        service = Service(self._folder / "fleet", settings)
        world = World(self._folder, service, Narrator(as_json=True), secrets.token_urlsafe(24))
        try:
            making.open_house(world)
            self._sign_first_release(world)
        except BaseException:
            service.stop()
            raise
        return world

    def unit(self, serial: str) -> dict[str, Any] | None:
        """A unit as the fleet knows it now; None if it does not."""
        try:
            return self.world.unit(serial)
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def make(self, port: SerialPort) -> str:
        """The station's whole way of the board on `port` into stock; its serial number. It may have had an identity."""
        fleet = self.world.people.warehouse.client
        labels = self._folder / "labels"
        labels.mkdir(exist_ok=True)
        job = Job(Image.parse(self.first_image), labels, f"{fleet.url}/claim", new_epoch="erased by the rig")
        return flash_unit(port, job, fleet, Journal(self._folder / "station"), lambda *_: None).serial

    def sell(self, serial: str) -> None:
        """To an account of its own, and shipped."""
        customer = {**making.CUSTOMER, "administrator_email": f"{serial.lower()}@bakery.example"}
        making.sell(self.world, [serial], customer)

    def open_lines(self) -> None:
        """A registrar, and the voice profile that names it; once a session."""
        if self._registrar is not None:
            return
        world = self.world
        self._registrar = Switchboard(self._folder, world.service.url, world.people.registrar.secret)
        host, _, port = self._registrar.address.partition(":")
        place = {"host": host, "port": int(port), "transport": "udp"}
        found = world.people.admin.client.get("/v1/voice-profile")
        world.people.admin.client.put(
            "/v1/voice-profile",
            {"domain": DOMAIN, "registrars": [place]},
            headers={"If-Match": f'"{found["version"]}"'},
        )

    def roll_out_next(self, serial: str) -> str:
        """Signs, publishes and rolls out the next release to that unit alone; its version."""
        version = self.publish_next()
        living.roll_out(self.world, version, [serial])
        return version

    def publish_next(self, source: Path | None = None, security: bool = False) -> str:
        """Signs and publishes the next release, of other sources than ours if `source` says so; its version."""
        self._releases += 1
        version = f"1.{self._releases - 1}.0"
        image = build_image(self._board, version, self._releases, source=source)
        self._publish(self.world, image, ReleaseFacts(security=security))
        return version

    def close(self) -> None:
        """Ends what was started."""
        if self._registrar is not None:
            self._registrar.stop()
        if self._opened and "world" in self.__dict__:
            self.world.service.stop()

    def _sign_first_release(self, world: World) -> None:
        create_keys(self._folder / "keys", standard_names([self._board]), world.passphrase)
        online = world.people.release_manager.client.get("/v1/update-keys")
        initialise(self._bundle, self._keys(world), [self._board], online, datetime.now(UTC))
        self._publish(world, self.first_image)

    def _publish(self, world: World, image: bytes, facts: ReleaseFacts = NO_FACTS) -> None:
        sign_image(self._bundle, self._keys(world), image, datetime.now(UTC), facts=facts)
        send(world.people.release_manager.client, self._bundle, "")

    def _keys(self, world: World) -> OfflineKeys:
        return OfflineKeys(self._folder / "keys", lambda _: world.passphrase)

    @property
    def _bundle(self) -> Bundle:
        return Bundle(self._folder / "bundle")
