"""Who may connect: refused unless all is right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.identity import Identity, Issuer, Peer, Permissions, Refusal, Standing, decide

SERIAL = "PT000000018"
PEER = Peer(Issuer.DEVICES, SERIAL, "f1")
GOOD = Identity(SERIAL, "f1", Standing.GOOD)
GATEWAY = Peer(Issuer.GATEWAYS, "gateway-0", "f2")


def test_a_unit_in_good_standing_has_its_own_topics_and_no_other() -> None:
    assert decide(PEER, SERIAL, GOOD, True) == Permissions(
        SERIAL,
        publish=(f"pt.1.*.{SERIAL}.up.>",),
        subscribe=(f"pt.1.*.{SERIAL}.down", f"pt.1.*.{SERIAL}.down.>", "$MQTT.sub.>"),
    )


def test_a_quarantined_unit_may_only_register() -> None:
    verdict = decide(PEER, SERIAL, replace(GOOD, standing=Standing.QUARANTINED), True)
    assert isinstance(verdict, Permissions)
    assert verdict.publish == (f"pt.1.*.{SERIAL}.up.register",)


@pytest.mark.parametrize(
    ("client_id", "identity", "listen", "reason"),
    [
        ("PT000000026", GOOD, True, Refusal.WRONG_CLIENT_ID),
        ("gateway-0", GOOD, True, Refusal.WRONG_CLIENT_ID),
        (SERIAL, None, True, Refusal.UNKNOWN),
        (SERIAL, replace(GOOD, fingerprint="f9"), True, Refusal.UNKNOWN),
        (SERIAL, replace(GOOD, serial="PT000000026"), True, Refusal.UNKNOWN),
        (SERIAL, replace(GOOD, standing=Standing.DEAD), True, Refusal.DEAD_IDENTITY),
        (SERIAL, replace(GOOD, standing=Standing.REVOKED), True, Refusal.REVOKED),
        (SERIAL, GOOD, False, Refusal.GATEWAY_AWAY),
    ],
)
def test_a_unit_is_refused_as(client_id: str, identity: Identity | None, listen: bool, reason: Refusal) -> None:
    assert decide(PEER, client_id, identity, listen) is reason


def test_a_gateway_comes_in_before_it_listens_and_a_units_certificate_never_makes_one() -> None:
    verdict = decide(GATEWAY, "gateway-0", None, False)
    assert isinstance(verdict, Permissions)
    assert verdict.subscribe == ("pt.1.*.*.up.*", "$MQTT.sub.>")
    assert decide(replace(GATEWAY, issuer=Issuer.DEVICES), "gateway-0", None, True) is Refusal.UNKNOWN


@given(
    st.builds(Peer, st.sampled_from(Issuer), st.sampled_from((SERIAL, "gateway-0")), st.sampled_from(("f1", "f2"))),
    st.sampled_from((SERIAL, "gateway-0", "")),
    st.none()
    | st.builds(Identity, st.sampled_from((SERIAL, "x")), st.sampled_from(("f1", "f2")), st.sampled_from(Standing)),
    st.booleans(),
)
def test_nobody_gets_a_topic_with_another_name_in_it(
    peer: Peer, client_id: str, identity: Identity | None, listen: bool
) -> None:
    verdict = decide(peer, client_id, identity, listen)
    if isinstance(verdict, Permissions) and peer.issuer is Issuer.DEVICES:
        assert identity is not None
        assert identity.standing in (Standing.GOOD, Standing.QUARANTINED)
        assert all(SERIAL in subject for subject in (*verdict.publish, *verdict.subscribe[:-1]))
