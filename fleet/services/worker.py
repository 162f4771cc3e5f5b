"""The worker's loop: deliver what waits in the outbox, run the jobs that are due, sleep a little."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from threading import Event
from typing import Final, Protocol

import httpx

from fleet.domain.delivery import DeliveryError, Letter
from fleet.services.build import Services
from fleet.services.jobs import Jobs
from fleet.services.letters import AddressBook
from fleet.services.mail import MailCourier
from fleet.services.outbox import Outbox
from fleet.services.webhook import WebhookCourier

log = logging.getLogger(__name__)

BATCH: Final = 5
IDLE_S: Final = 0.5


class Courier(Protocol):
    """Delivers letters of one kind, or raises DeliveryError."""

    @property
    def kind(self) -> str: ...

    def deliver(self, letter: Letter) -> None: ...


def couriers_of(services: Services, client: httpx.Client) -> list[Courier]:
    """The couriers the settings provide for; letters of other kinds wait."""
    settings, couriers = services.settings, list[Courier]()
    clock = services.transactions.clock
    if settings.smtp_host:
        mail = MailCourier(
            settings.smtp_host,
            settings.smtp_port,
            settings.mail_from,
            make_link=services.people.mailed_link,
            find=AddressBook(services.transactions).of,
            clock=clock,
        )
        couriers.append(mail)
    if settings.webhook_url:
        couriers.append(WebhookCourier(settings.webhook_url, settings.webhook_secret, client, clock))
    return couriers


class Worker:
    """One worker; any number of them may run at once, on one database."""

    def __init__(self, outbox: Outbox, couriers: Sequence[Courier], jobs: Jobs, chance: random.Random) -> None:
        self._outbox = outbox
        self._couriers = {courier.kind: courier for courier in couriers}
        self._jobs = jobs
        self._chance = chance

    def run(self, stop: Event) -> None:
        """Work until `stop` is set; what is in hand is finished first."""
        while not stop.is_set():
            if not self.run_once():
                stop.wait(IDLE_S)

    def run_once(self) -> int:
        """Deliver one batch and run what is due; how much there was to do."""
        return self.deliver_batch() + self._jobs.run_due(_log_failure)

    def deliver_batch(self) -> int:
        """Lease a batch and deliver it; how many letters it had."""
        letters = self._outbox.lease(list(self._couriers), BATCH)
        for letter in letters:
            try:
                self._couriers[letter.kind].deliver(letter)
            except DeliveryError as error:
                log.warning("outbox %d (%s) attempt %d: %s", letter.id, letter.kind, letter.attempt, error)
                self._outbox.failed(letter, error, self._chance.random())
            except Exception as error:  # the supervisor of couriers: a letter none can read must not stop the rest
                log.exception("outbox %d (%s) attempt %d", letter.id, letter.kind, letter.attempt)
                failure = DeliveryError(f"{type(error).__name__}: {error}")
                self._outbox.failed(letter, failure, self._chance.random())
            else:
                self._outbox.delivered(letter)
        return len(letters)


def _log_failure(name: str, error: Exception) -> None:
    log.error("job %s failed: %s", name, error, exc_info=error)


def run_worker(services: Services, stop: Event) -> None:
    """The worker process of `plugtone serve`: returns when `stop` is set."""
    with httpx.Client(follow_redirects=False) as client:
        jobs = Jobs(services.transactions, services.jobs)
        Worker(services.outbox, couriers_of(services, client), jobs, random.SystemRandom()).run(stop)
