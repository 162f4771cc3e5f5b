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
    hosts = tuple(dict.fromkeys((settings.public_host, "localhost", "127.0.0.1")))
    return Credentials(settings.data_dir / "pki", settings.data_dir / "tls", hosts, GATEWAYS)


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
