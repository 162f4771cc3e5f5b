"""Requests in a dialog and out of one: order, tags, routes, redirects, credentials (RFC 3261 8, 12, 22)."""

import pytest

from adapter.sip.dialog import Dialog
from adapter.sip.endpoint import MAX_TRANSACTIONS
from adapter.sip.message import parse, request
from adapter.sip.transaction import Transaction
from adapter.sip.uri import is_address
from tests.firmware.adapter.sip.pair import BOB_NUMBER, Pair, Peer
from tests.firmware.adapter.sip.rig import ANSWER, BOB, HELD, OFFER, SECOND, kinds, taken

ACCEPTED = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r\nFrom: <sip:a@example.net>;tag=a\r\n"
    "To: <sip:b@example.net>;tag=b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:b@192.0.2.20>\r\n"
    "Record-Route: {}\r\nContent-Length: 0\r\n\r\n"
)


def test_a_request_of_an_unknown_dialog_is_answered_481() -> None:
    peer = Peer()
    for method in ("BYE", "INVITE", "OPTIONS", "NOTIFY"):
        peer.send(peer.request(method, to_tag="nobody", branch="z9hG4bK" + method))
    assert peer.statuses() == [481] * 4
    assert not taken(peer.agent)


def test_a_request_with_a_lower_cseq_is_answered_500_and_changes_nothing() -> None:
    peer = Peer()
    call = peer.called()
    peer.send(peer.request("OPTIONS", cseq=7))
    peer.send(peer.request("BYE", cseq=6))
    assert peer.statuses()[-2:] == [200, 500]
    assert call.state == "up"
    peer.send(peer.request("BYE", cseq=8))
    assert peer.statuses()[-1] == 200


def test_the_number_of_the_invite_counts_for_what_comes_after_it() -> None:
    peer = Peer()
    call = peer.called()
    peer.send(peer.request("BYE", cseq=1))
    assert (peer.statuses()[-1], call.state) == (500, "up")


@pytest.mark.parametrize(
    "route", ["<sip:192.0.2.9;lr>, " * 8 + "<sip:192.0.2.9;lr>", f"<sip:192.0.2.9;lr;x={'y' * 1200}>"]
)
def test_a_dialog_that_would_take_too_much_heap_is_refused(route: str) -> None:
    peer = Peer()
    message = peer.request("INVITE", to_tag="", body=OFFER)
    message.headers.append(("record-route", route))
    peer.send(message)
    assert peer.statuses() == [513]
    assert not taken(peer.agent)


def test_a_call_for_which_there_is_no_room_is_told_so() -> None:
    peer = Peer()
    peer.agent.endpoint.transactions.extend(
        Transaction("is", request("INVITE", "sip:x"), BOB, f"k{at}", None, False, 0) for at in range(MAX_TRANSACTIONS)
    )
    peer.send(peer.request("INVITE", to_tag="", body=OFFER))
    assert peer.statuses() == [503]
    assert not taken(peer.agent)


def test_the_same_invite_by_another_way_is_answered_482() -> None:
    peer = Peer()
    peer.send(peer.request("INVITE", to_tag="", body=OFFER))
    peer.send(peer.request("INVITE", to_tag="", body=OFFER, branch="z9hG4bKdetour"))
    assert peer.statuses() == [100, 482]
    assert kinds(peer.agent) == ["incoming"]


def test_max_forwards_0_has_reached_us_and_is_answered() -> None:
    peer = Peer()
    message = peer.request("OPTIONS", to_tag="")
    message.headers.append(("max-forwards", "0"))
    peer.send(message)
    assert peer.statuses() == [200]


def test_in_dialog_requests_follow_loose_routes_and_the_route_set_of_kamailio() -> None:
    peer = Peer()
    peer.dialled()
    routes = ["<sip:192.0.2.9;lr;ftag=x>", "<sip:192.0.2.1:5080;lr=on>"]
    peer.answer(200, body=ANSWER, headers=[("record-route", route) for route in routes])
    assert peer.received[-1].all("route") == routes[::-1]
    assert peer.sent[-1][1] == ("192.0.2.1", 5080)
    assert peer.received[-1].uri == "sip:peer@192.0.2.20:5060"


def test_a_strict_router_gets_its_own_address_as_the_request_uri() -> None:
    peer = Peer()
    peer.dialled()
    peer.answer(200, body=ANSWER, headers=[("record-route", "<sip:192.0.2.9:5070>")])
    ack = peer.received[-1]
    assert (ack.uri, ack.all("route")) == ("sip:192.0.2.9:5070", ["<sip:peer@192.0.2.20:5060>"])
    assert peer.sent[-1][1] == ("192.0.2.9", 5070)


def test_a_next_hop_by_name_goes_to_where_the_call_came_from() -> None:
    peer = Peer()
    peer.dialled()
    peer.answer(200, body=ANSWER, headers=[("record-route", "<sip:proxy.example.net;lr>")])
    assert peer.sent[-1][1] == BOB


ELSEWHERE = (
    f"<sip:+19005550199@{BOB[0]}>", "<sip:+19005550199@example.net>", f"<sip:{BOB_NUMBER}@example.net>",
    f"<sip:{BOB_NUMBER}@192.0.2.30>", f"<sip:+19005550199@{SECOND[0]}>", f"<sip:{BOB_NUMBER}@{SECOND[0]}:5062>",
    f"<sips:{BOB_NUMBER}@{SECOND[0]}>", "<tel:+19005550199>", f"<sip:{BOB_NUMBER}@{BOB[0]}>",
)  # fmt: skip


@pytest.mark.parametrize("status", [300, 301, 302, 305, 380])
@pytest.mark.parametrize("contact", ELSEWHERE)
def test_a_redirect_to_another_number_or_host_ends_the_call(status: int, contact: str) -> None:
    peer = Peer([BOB, SECOND])
    call = peer.dialled()
    peer.answer(status, headers=[("contact", contact)])
    assert peer.methods() == ["INVITE", "ACK"]
    assert [event[:3] for event in taken(peer.agent)] == [("ended", call, status)]


def test_a_redirect_to_another_registrar_of_the_account_is_followed_with_the_number_dialled() -> None:
    peer = Peer([BOB, SECOND])
    call = peer.dialled()
    peer.answer(302, headers=[("contact", ELSEWHERE[0]), ("contact", f"<sip:{BOB_NUMBER}@{SECOND[0]}>")])
    assert peer.methods() == ["INVITE", "ACK", "INVITE"]
    assert peer.received[-1].uri == peer.received[0].uri
    assert [way for _, way in peer.sent[-2:]] == [BOB, SECOND]
    peer.answer(200, body=ANSWER)
    assert kinds(peer.agent) == ["answered"]
    assert call.state == "up"


def test_redirects_in_a_circle_end_the_call_at_the_second() -> None:
    peer = Peer([BOB, SECOND, ("192.0.2.3", 5060)])
    call = peer.dialled()
    for host in (SECOND[0], BOB[0]):
        peer.answer(302, headers=[("contact", f"<sip:{BOB_NUMBER}@{host}>")])
    assert peer.methods() == ["INVITE", "ACK", "INVITE", "ACK"]
    assert [event[:3] for event in taken(peer.agent)] == [("ended", call, 302)]


@pytest.mark.parametrize("host", ["1234.1.1.1", "1.1.1.256", "1.1.1", "1..1.1", "1.1.1.1.1", "1.1.1.x"])
def test_what_only_looks_like_an_ipv4_address_is_a_name(host: str) -> None:
    assert not is_address(host)
    peer = Peer()
    peer.dialled()
    peer.answer(200, body=ANSWER, headers=[("record-route", f"<sip:{host};lr>")])
    assert peer.sent[-1][1] == BOB


def test_who_is_called_gets_no_credentials_for_a_number_of_its_own_choice() -> None:
    """The digest of a re-INVITE is good for a call to its URI, which is the Contact of whoever was called."""
    peer = Peer()
    call = peer.dialled()
    peer.answer(200, body=ANSWER, headers=[("contact", f"<sip:+19005550199@{BOB[0]}>")])
    peer.agent.hold(call, HELD)
    peer.run(10)
    assert peer.received[-1].uri == f"sip:+19005550199@{BOB[0]}"
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n1"')])
    assert peer.methods() == ["INVITE", "ACK", "INVITE", "ACK"]
    assert (kinds(peer.agent), call.state) == (["answered", "refused"], "up")
    peer.agent.hang_up(call)
    peer.run(10)
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n2"')])
    assert peer.methods()[-2:] == ["BYE", "BYE"]


def test_a_re_invite_to_the_number_dialled_has_credentials_when_asked() -> None:
    peer = Peer()
    call = peer.dialled()
    peer.answer(200, body=ANSWER, headers=[("contact", f"<sip:{BOB_NUMBER}@{BOB[0]}>")])
    peer.agent.hold(call, HELD)
    peer.run(10)
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n1"')])
    assert 'nonce="n1"' in peer.received[-1].get("proxy-authorization")


def test_credentials_go_to_none_but_the_registrars() -> None:
    """Neither with the ACK nor with the BYE that reaches who was called without a proxy."""
    peer = Peer()
    call = peer.dialled()
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n1"')])
    peer.answer(200, body=ANSWER, headers=[("contact", f"<sip:{BOB_NUMBER}@192.0.2.30>")])
    ack = peer.received[-1]
    assert (ack.method, peer.sent[-1][1][0], ack.get("proxy-authorization")) == ("ACK", "192.0.2.30", None)
    peer.agent.hang_up(call)
    peer.run(10)
    for status, name in ((407, "proxy-authenticate"), (401, "www-authenticate")):
        peer.answer(status, headers=[(name, 'Digest realm="example.net", nonce="n2"')])
    assert peer.methods()[-1] == "BYE"
    assert peer.methods().count("BYE") == 1
    assert not any("authorization" in name for name, _ in peer.received[-1].headers)


def test_an_invite_is_challenged_and_goes_out_again_with_credentials() -> None:
    peer = Peer()
    peer.dialled()
    challenge = ("proxy-authenticate", 'Digest realm="example.net", nonce="n1", algorithm=SHA-256, qop="auth"')
    peer.answer(407, headers=[challenge])
    assert peer.methods() == ["INVITE", "ACK", "INVITE"]
    first, _, second = peer.received
    assert second.cseq[0] == first.cseq[0] + 1
    assert second.get("via") != first.get("via")
    assert "algorithm=SHA-256" in second.get("proxy-authorization")
    assert (second.get("call-id"), second.get("from")) == (first.get("call-id"), first.get("from"))
    peer.answer(200, body=ANSWER)
    assert peer.received[-1].get("proxy-authorization") == second.get("proxy-authorization")  # of the ACK


def test_credentials_refused_are_not_sent_again() -> None:
    peer = Peer()
    call = peer.dialled()
    for nonce in ("n1", "n2"):
        peer.answer(407, headers=[("proxy-authenticate", f'Digest realm="example.net", nonce="{nonce}"')])
    assert peer.methods() == ["INVITE", "ACK", "INVITE", "ACK"]
    assert [event[:3] for event in taken(peer.agent)] == [("ended", call, 407)]


def test_a_call_given_up_is_not_begun_anew_by_a_challenge() -> None:
    peer = Peer()
    call = peer.dialled()
    peer.agent.hang_up(call)
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n1"')])
    assert peer.methods() == ["INVITE", "ACK"]


def test_a_cancel_waits_for_a_response_to_the_invite_that_has_the_credentials() -> None:
    peer = Peer()
    call = peer.dialled()
    peer.answer(100)
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n1"')])
    peer.agent.hang_up(call)
    peer.run(10)
    assert peer.methods() == ["INVITE", "ACK", "INVITE"]
    peer.answer(100)
    assert peer.methods()[-1] == "CANCEL"


def test_a_nonce_that_is_stale_for_ever_comes_to_an_end() -> None:
    peer = Peer()
    call = peer.dialled()
    for at in range(8):
        challenge = f'Digest realm="example.net", nonce="n{at}", stale=true'
        if not taken(peer.agent):
            peer.answer(407, headers=[("proxy-authenticate", challenge)])
    assert peer.methods().count("INVITE") == 5
    assert call.state == "ended"


def test_a_challenged_invite_is_sent_again_like_a_new_one() -> None:
    peer = Peer()
    peer.dialled()
    peer.run(20_000)
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n1"')])
    count = peer.methods().count("INVITE")
    for _ in range(2):
        peer.run(300)
    assert peer.methods().count("INVITE") == count + 1


def test_who_called_us_gets_no_credentials() -> None:
    peer = Peer()
    call = peer.called()
    peer.agent.hang_up(call)
    peer.run(10)
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n1"')])
    assert peer.methods() == ["BYE"]


def test_credentials_go_into_no_request_of_a_dialog_unasked() -> None:
    peer = Peer()
    call = peer.dialled()
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n1"')])
    peer.answer(200, body=ANSWER)
    peer.agent.hang_up(call)
    peer.run(10)
    bye = peer.received[-1]
    assert (bye.method, bye.get("proxy-authorization")) == ("BYE", None)
    peer.answer(407, headers=[("proxy-authenticate", 'Digest realm="example.net", nonce="n2"')])
    assert peer.received[-1].method == "BYE"
    assert 'nonce="n2"' in peer.received[-1].get("proxy-authorization")


def test_a_call_id_is_not_guessable_and_never_the_same() -> None:
    pair = Pair()
    calls = []
    for _ in range(20):
        calls.append(pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms))
        pair.alice.hang_up(calls[-1])
        pair.run(40_000)
    assert len({call.id for call in calls}) == len(calls)
    assert {len(call.id) for call in calls} == {24}


@pytest.mark.parametrize(
    ("recorded", "uri", "routes"),
    [
        ("<sip:192.0.2.2;lr>,<sip:192.0.2.1;lr;x=1>", "sip:b@192.0.2.20",
         ["<sip:192.0.2.1;lr;x=1>", "<sip:192.0.2.2;lr>"]),
        ("<sip:192.0.2.2;lr>, <sip:192.0.2.1:5070;lr=on>", "sip:b@192.0.2.20",
         ["<sip:192.0.2.1:5070;lr=on>", "<sip:192.0.2.2;lr>"]),
        ("<sip:192.0.2.2;lr>, <sip:192.0.2.1>;lr", "sip:192.0.2.1", ["<sip:192.0.2.2;lr>", "<sip:b@192.0.2.20>"]),
    ],
)  # fmt: skip
def test_a_router_is_loose_if_its_uri_says_so(recorded: str, uri: str, routes: list[str]) -> None:
    dialog = Dialog("c", "<sip:a@example.net>", "a", "<sip:b@example.net>", "sip:b@example.net", None, [])
    dialog.establish(parse(ACCEPTED.format(recorded).encode()), ("192.0.2.1", 5060))
    sent = dialog.request("BYE")
    assert (sent.uri, sent.all("route")) == (uri, routes)
