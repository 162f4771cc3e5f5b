"""The job that keeps the service's own certificates from ending; the supervisor has them read anew."""

from __future__ import annotations

from fleet.domain.access import Actor
from fleet.domain.audit import AuditAction
from fleet.pki.renewal import Credentials
from fleet.settings import Settings
from fleet.store.unit_of_work import Transactions

GATEWAYS = ("gateway-0",)


def credentials_of(settings: Settings) -> Credentials:
    """Where the authorities and the service's certificates are, and for whom."""
    hosts = dict.fromkeys((settings.public_host, reachable_host(settings), "localhost", "127.0.0.1"))
    return Credentials(settings.data_dir / "pki", settings.data_dir / "tls", tuple(hosts), GATEWAYS)


def reachable_host(settings: Settings) -> str:
    """Where the service's own processes reach what listens on `settings.host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - a look-up


class Certificates:
    """The servers' and gateways' certificates."""

    def __init__(self, transactions: Transactions, credentials: Credentials) -> None:
        self._transactions = transactions
        self._credentials = credentials

    def renew(self, actor: Actor) -> list[str]:
        """Renew what is due; the names of what was."""
        with self._transactions.begin(actor) as uow:
            renewed = self._credentials.renew(uow.now)
            for name in renewed:
                uow.audit(AuditAction.CERTIFICATE_RENEW, name)
            uow.commit()
        return renewed
