"""A mail leaves by SMTP, under a Message-ID that stays the same however often it is sent."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from fleet.domain.delivery import DeliveryError, Letter
from fleet.services.letters import NAME_PLACE, Addressee

SMTP_TIMEOUT_S: Final = 15
FIRST_PERMANENT_CODE: Final = 500  # RFC 5321 4.2.1: 5yz is a permanent negative reply
LINK_PLACE: Final = "{link}"


class MailCourier:
    """Sends letters of kind `mail`: {person, subject, text, link_for?}; older ones have {to} for the person.

    Where `link_for` names a person, a fresh one-time link takes the place of `{link}`: the secret
    is made at this moment and waits in no table, as little as name and address do.
    """

    kind = "mail"

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        make_link: Callable[[int], str],
        find: Callable[[int], Addressee | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._make_link = make_link
        self._find = find
        self._clock = clock

    def deliver(self, letter: Letter) -> None:
        """Hand the mail to the SMTP server; DeliveryError if it does not take it."""
        message = self._compose(letter)
        try:
            with smtplib.SMTP(self._host, self._port, timeout=SMTP_TIMEOUT_S) as server:
                server.ehlo_or_helo_if_needed()
                if server.has_extn("starttls"):
                    server.starttls()
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            refused = bool(codes) and min(codes) >= FIRST_PERMANENT_CODE
            raise DeliveryError(f"the mail server refused the recipient with {codes}", permanent=refused) from error
        except (smtplib.SMTPException, OSError) as error:
            what = f"{type(error).__name__}: {error}".replace(str(message["To"]), "the recipient")
            raise DeliveryError(f"the mail server {self._host}:{self._port} did not take the mail: {what}") from error

    def _compose(self, letter: Letter) -> EmailMessage:
        payload = letter.payload
        text = str(payload["text"])
        to = str(payload.get("to", ""))
        if "person" in payload:
            addressee = self._find(int(payload["person"]))
            if addressee is None:
                raise DeliveryError("the person this was for is erased", permanent=True)
            to, text = addressee.email, text.replace(NAME_PLACE, addressee.name)
        if payload.get("link_for") is not None:
            text = text.replace(LINK_PLACE, self._make_link(int(payload["link_for"])))
        message = EmailMessage()
        try:
            message["From"] = self._sender
            message["To"] = to
            message["Subject"] = str(payload["subject"])
            message["Date"] = format_datetime(self._clock())
            message["Message-ID"] = f"<outbox-{letter.id}@{self._sender.rpartition('@')[2]}>"
            message["Auto-Submitted"] = "auto-generated"
        except ValueError as error:  # a line break in a header
            raise DeliveryError(f"this mail has a header nobody can send: {error}", permanent=True) from error
        message.set_content(text)
        return message
