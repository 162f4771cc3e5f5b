"""The outbox, from the queue to a real SMTP server and a real HTTP receiver."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from sqlalchemy import select

from fleet.domain.access import Actor, ForbiddenError, Role, system_actor
from fleet.domain.delivery import (
    FIRST_RETRY_S,
    JITTER,
    MAX_ATTEMPTS,
    MAX_RETRY_S,
    DeliveryError,
    DeliveryState,
    retry_after,
)
from fleet.services.build import Services
from fleet.services.jobs import Jobs
from fleet.services.letters import AddressBook
from fleet.services.mail import MailCourier
from fleet.services.outbox import LEASE_S
from fleet.services.webhook import MAX_SKEW_S, WebhookCourier, sign, verify
from fleet.services.worker import Courier, Worker
from fleet.store.tables.journal import outbox
from tests.fleet.conftest import Clock, someone

MAIL = {"to": "kim@example.net", "subject": "Grüße", "text": "Your replacement is on its way.\n"}
SECRET = "a secret both sides know"


@dataclass
class Mailbox:
    """What an SMTP server took; `refuse` is answered to RCPT."""

    refuse: str = ""
    taken: list[Envelope] = field(default_factory=list)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.taken.append(envelope)
        return "250 OK"


class AnyPort(Controller):
    """Listens on a port the system chooses."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    controller = AnyPort(box, hostname="127.0.0.1", port=0)
    controller.start()
    yield box, controller.port
    controller.stop()


@dataclass
class Receiver:
    """What an HTTP server was sent, and what it answers."""

    status: int = 204
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.taken.append((dict(self.headers), body))
            self.send_response(state.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


def queue(services: Services, kind: str, key: str, payload: dict) -> None:
    with services.transactions.begin(system_actor("test")) as uow:
        uow.send(kind, key, payload)
        uow.commit()


def rows(services: Services) -> list[dict]:
    with services.transactions.engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(outbox).order_by(outbox.c.id)).mappings()]


def worker(services: Services, *couriers: Courier) -> Worker:
    return Worker(services.outbox, couriers, Jobs(services.transactions, ()), random.Random(7))


def mail_courier(services: Services, port: int) -> MailCourier:
    make_link, find = services.people.mailed_link, AddressBook(services.transactions).of
    clock = services.transactions.clock
    return MailCourier("127.0.0.1", port, "fleet@example.org", make_link=make_link, find=find, clock=clock)


def test_a_mail_arrives_once_and_is_closed(services: Services, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    queue(services, "mail", "a", MAIL)
    at_work = worker(services, mail_courier(services, port))
    assert (at_work.run_once(), at_work.run_once()) == (1, 0)

    (envelope,) = box.taken
    assert envelope.rcpt_tos == ["kim@example.net"]
    text = envelope.content.decode()
    assert "Message-ID: <outbox-1@example.org>" in text
    assert "on its way" in text
    assert rows(services)[0]["delivered_at"] is not None


def test_an_invitations_link_is_made_when_its_mail_leaves(
    services: Services, admin: Actor, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    kim = services.people.invite(admin, "Kim", "kim@example.net", frozenset({Role.VIEWER}), None)
    worker(services, mail_courier(services, port)).run_once()

    assert box.taken[0].rcpt_tos == ["kim@example.net"]
    text = box.taken[0].content.decode().replace("=\r\n", "")
    assert text.partition("\r\n\r\n")[2].startswith("Hello Kim,")
    secret = text.partition("#")[2].split()[0]
    assert secret.startswith("pll_")
    assert secret not in json.dumps([str(row) for row in rows(services)])
    assert services.people.choose_password(secret, "four words nobody guessed").id == kim.id


def test_a_server_that_is_away_is_tried_again_later(services: Services, clock: Clock) -> None:
    queue(services, "mail", "a", MAIL)
    at_work = worker(services, mail_courier(services, 1))
    assert at_work.run_once() == 1
    (row,) = rows(services)
    assert (row["delivered_at"], row["failed_at"], row["attempts"]) == (None, None, 1)
    assert "did not take the mail" in row["last_error"]
    assert at_work.run_once() == 0, "not before its time"
    clock.advance(seconds=FIRST_RETRY_S * (1 + JITTER))
    assert at_work.run_once() == 1
    assert rows(services)[0]["attempts"] == 2


@pytest.mark.parametrize(("answer", "state"), [("550 no such box", "failed"), ("450 busy", "waiting")])
def test_a_recipient_refused_for_good_is_given_up_and_one_refused_for_now_is_not(
    services: Services, admin: Actor, mailbox: tuple[Mailbox, int], answer: str, state: str
) -> None:
    box, port = mailbox
    box.refuse = answer
    queue(services, "mail", "a", MAIL)
    worker(services, mail_courier(services, port)).run_once()
    assert services.outbox.list(admin, None, 10, None)[0].state == state
    assert box.taken == []


def test_a_mail_with_a_line_break_in_a_header_is_never_sent(services: Services, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    queue(services, "mail", "a", {**MAIL, "subject": "Hello\r\nBcc: all@example.net"})
    worker(services, mail_courier(services, port)).run_once()
    assert box.taken == []
    assert rows(services)[0]["failed_at"] is not None


def test_a_letter_nobody_can_read_does_not_stop_the_next(services: Services, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    queue(services, "mail", "poison", {"nothing": "useful"})
    queue(services, "mail", "good", MAIL)
    worker(services, mail_courier(services, port)).run_once()
    assert len(box.taken) == 1
    assert "KeyError" in rows(services)[0]["last_error"]


def test_letters_of_a_kind_without_a_courier_wait(services: Services, mailbox: tuple[Mailbox, int]) -> None:
    queue(services, "command", "a", {})
    worker(services, mail_courier(services, mailbox[1])).run_once()
    assert rows(services)[0]["attempts"] == 0


def test_a_webhook_arrives_signed_and_a_changed_body_does_not_verify(
    services: Services, receiver: tuple[Receiver, str], clock: Clock
) -> None:
    state, url = receiver
    queue(services, "webhook", "unit:1", {"event": "unit_active", "serial": "PT000000018"})
    with httpx.Client() as client:
        worker(services, WebhookCourier(url, SECRET, client, clock)).run_once()

    ((headers, body),) = state.taken
    signature, delivery, now_s = headers["Plugtone-Signature"], headers["Plugtone-Delivery"], int(clock.now.timestamp())
    assert json.loads(body) == {
        "id": "outbox-1",
        "key": "unit:1",
        "data": {"event": "unit_active", "serial": "PT000000018"},
    }
    assert delivery == "outbox-1"
    assert verify(SECRET, signature, delivery, body, now_s + MAX_SKEW_S)
    assert not verify(SECRET, signature, delivery, body + b" ", now_s)
    assert not verify(SECRET, signature, "outbox-2", body, now_s)
    assert not verify("another secret", signature, delivery, body, now_s)
    assert not verify(SECRET, signature, delivery, body, now_s + MAX_SKEW_S + 1)
    assert not verify(SECRET, signature.replace("t=", "t=1"), delivery, body, now_s)
    assert not verify(SECRET, "", delivery, body, now_s)


def test_the_signature_is_the_one_other_tools_compute() -> None:
    """`printf '1.outbox-1.{}' | openssl dgst -sha256 -hmac k`."""
    assert sign("k", 1, "outbox-1", b"{}") == (
        "t=1,v1=7b9e37c32c1aa9af7359db26010ee073bda1e20033e18ff42ae378ed4bc10ecc"
    )


@pytest.mark.parametrize(("status", "state"), [(500, "waiting"), (302, "waiting"), (404, "waiting"), (410, "failed")])
def test_a_receiver_that_does_not_take_it_is_tried_again_unless_it_is_gone(
    services: Services, admin: Actor, receiver: tuple[Receiver, str], clock: Clock, status: int, state: str
) -> None:
    receiver[0].status = status
    queue(services, "webhook", "a", {})
    with httpx.Client() as client:
        worker(services, WebhookCourier(receiver[1], SECRET, client, clock)).run_once()
    assert services.outbox.list(admin, None, 10, None)[0].state == state
    assert len(receiver[0].taken) == 1


def test_two_workers_never_hold_the_same_letter(services: Services) -> None:
    for number in range(60):
        queue(services, "mail", str(number), MAIL)
    held: list[int] = []

    def lease() -> None:
        for _ in range(30):
            held.extend(letter.id for letter in services.outbox.lease(["mail"], 5))

    threads = [threading.Thread(target=lease) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == list(range(1, 61))


def test_a_worker_that_died_loses_its_lease_and_may_not_close_what_another_took(
    services: Services, clock: Clock
) -> None:
    queue(services, "mail", "a", MAIL)
    (first,) = services.outbox.lease(["mail"], 5)
    assert services.outbox.lease(["mail"], 5) == []
    clock.advance(seconds=LEASE_S)
    (second,) = services.outbox.lease(["mail"], 5)
    assert (second.id, second.attempt) == (first.id, 2)
    assert not services.outbox.failed(first, DeliveryError("late", permanent=True), 0.5)
    assert rows(services)[0]["failed_at"] is None
    assert services.outbox.delivered(second)
    assert not services.outbox.delivered(second)


def test_a_delivered_letter_can_be_sent_again_by_who_may(
    services: Services, admin: Actor, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    queue(services, "mail", "a", MAIL)
    at_work = worker(services, mail_courier(services, port))
    at_work.run_once()
    with pytest.raises(ForbiddenError):
        services.outbox.redeliver(someone(Role.SUPPORT), 1)
    assert at_work.run_once() == 0
    services.outbox.redeliver(admin, 1)
    at_work.run_once()
    assert len(box.taken) == 2
    assert {envelope.content.decode().partition("Message-ID: ")[2].split()[0] for envelope in box.taken} == {
        "<outbox-1@example.org>"
    }


def test_what_was_delivered_long_ago_is_swept_and_what_waits_is_not(
    services: Services, admin: Actor, clock: Clock
) -> None:
    queue(services, "mail", "a", MAIL)
    queue(services, "mail", "b", MAIL)
    services.outbox.delivered(services.outbox.lease(["mail"], 1)[0])
    clock.advance(days=31)
    assert services.outbox.sweep(admin) == 1
    assert [row["key"] for row in rows(services)] == ["b"]


def test_a_mail_given_up_long_ago_is_swept_and_a_webhook_stays_to_be_sent_again(
    services: Services, admin: Actor, clock: Clock
) -> None:
    for kind in ("mail", "webhook"):
        queue(services, kind, "a", MAIL)
        [letter] = services.outbox.lease([kind], 1)
        services.outbox.failed(letter, DeliveryError("nobody there", permanent=True), 0.5)
    clock.advance(days=30)
    assert services.outbox.sweep(admin) == 0
    clock.advance(days=1)
    assert services.outbox.sweep(admin) == 1
    assert [row["kind"] for row in rows(services)] == ["webhook"]


def test_retries_back_off_within_bounds_and_end() -> None:
    pauses = [retry_after(attempt, 0.5) for attempt in range(1, MAX_ATTEMPTS + 1)]
    assert pauses[-1] is None
    seconds = [pause.total_seconds() for pause in pauses if pause is not None]
    assert seconds[:3] == [FIRST_RETRY_S, FIRST_RETRY_S * 2, FIRST_RETRY_S * 4]
    assert max(seconds) == MAX_RETRY_S
    low, high = retry_after(1, 0.0), retry_after(1, 0.999)
    assert low is not None
    assert high is not None
    assert FIRST_RETRY_S * (1 - JITTER) == low.total_seconds() < high.total_seconds() < FIRST_RETRY_S * (1 + JITTER)


def test_the_outbox_is_for_who_manages_it(services: Services) -> None:
    with pytest.raises(ForbiddenError):
        services.outbox.list(someone(Role.SUPPORT), DeliveryState.FAILED, 10, None)
