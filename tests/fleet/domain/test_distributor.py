"""An Authorized Distributor is authorized until its end, which is for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fleet.domain.distributor import DISTRIBUTOR, Distributor, DistributorEvent, DistributorState, end
from fleet.domain.errors import ConflictError, IllegalTransitionError

AT = datetime(2026, 3, 2, tzinfo=UTC)
GIVEN = Distributor(3, "Phones & More", AT)


def test_it_is_authorized_until_it_is_ended() -> None:
    GIVEN.check_authorized()
    ended = end(GIVEN, AT + timedelta(days=1))
    assert (ended.state, ended.ended_at) == (DistributorState.ENDED, AT + timedelta(days=1))
    with pytest.raises(ConflictError, match=r"DI-3 .Phones & More. is no Authorized Distributor any more"):
        ended.check_authorized()


def test_what_is_ended_is_not_ended_again() -> None:
    assert set(DISTRIBUTOR) == {(DistributorState.AUTHORIZED, DistributorEvent.END)}
    with pytest.raises(IllegalTransitionError, match="DI-3 is ended"):
        end(end(GIVEN, AT), AT)
