"""The subscription to the mailbox: asked for once registered, kept up, begun anew (RFC 6665, 3842)."""

from typing import Any

from adapter.sip.message import Message, request, response
from adapter.sip.message_waiting import EXPIRES_S, RETRY_MS
from adapter.sip.uri import parameter
from tests.firmware.adapter.sip.pair import ALICE_NUMBER
from tests.firmware.adapter.sip.rig import ALICE, REGISTRAR, SECOND, Address, Network, Registrar, agent, kinds, taken


class Mailbox(Registrar):
    """Also takes SUBSCRIBE, with `status`, and tells of `count` messages by `notify`."""

    def __init__(self, address: Address, network: Network) -> None:
        super().__init__(address, network)
        self.status = 200
        self.subscribed: list[Message] = []
        self.notified: list[int] = []

    def feed(self, data: bytes, source: Address, now_ms: int) -> None:
        if data.startswith(b"SUBSCRIBE") and not self.down:
            from adapter.sip.message import parse

            message = parse(data)
            self.subscribed.append(message)
            answer = response(message, self.status)
            answer.headers = [(n, f"{v};tag=box" if n == "to" and ";tag=" not in v else v) for n, v in answer.headers]
            answer.headers += [("contact", "<sip:box@192.0.2.1:5060>"), ("expires", "600")]
            self.network.send(answer.pack(), self.address, source)
        elif data.startswith(b"SIP/2.0"):
            self.notified.append(int(data[8:11]))
        else:
            super().feed(data, source, now_ms)

    def notify(self, body: bytes, state: str = "active;expires=600", tag: str = "box", cseq: int = 1) -> None:
        """To the last subscription."""
        last = self.subscribed[-1]
        message = request("NOTIFY", str(last.get("contact"))[1:-1])
        message.headers = [
            ("via", f"SIP/2.0/UDP {self.address[0]}:5060;branch=z9hG4bK{tag}{cseq}{len(self.notified)}"),
            ("from", f"{last.get('to')}".partition(";tag=")[0] + f";tag={tag}"),
            ("to", str(last.get("from"))),
            ("call-id", str(last.get("call-id"))),
            ("cseq", f"{cseq} NOTIFY"),
            ("contact", "<sip:box@192.0.2.1:5060>"),
            ("event", "message-summary"),
            ("subscription-state", state),
        ]
        message.body = body
        self.network.send(message.pack(), self.address, ALICE)


def subscribed(**changes: Any) -> tuple[Network, Mailbox, Any]:
    """Alice, registered, with a mailbox."""
    network = Network()
    box = Mailbox(REGISTRAR, network)
    alice = agent(ALICE_NUMBER, ALICE, [REGISTRAR], mailbox="5551000", **changes)
    network.nodes[ALICE] = alice
    alice.register(network.now_ms)
    network.run(1000)
    assert kinds(alice) == ["registered"]
    return network, box, alice


def test_the_mailbox_is_subscribed_to_once_registered_and_tells_of_its_messages() -> None:
    network, box, alice = subscribed()
    (message,) = box.subscribed
    assert message.uri == "sip:5551000@example.net"
    assert message.get("event") == "message-summary"
    assert message.get("expires") == str(EXPIRES_S)
    for at, (body, count) in enumerate(((b"Messages-Waiting: yes\r\nVoice-Message: 4/0\r\n", 4), (b"", None))):
        box.notify(body, cseq=at + 1)
        network.run(100)
        assert taken(alice) == ([("message_waiting", count)] if count else [])
    assert box.notified == [200, 200]


def test_the_subscription_is_refreshed_in_its_dialog() -> None:
    network, box, alice = subscribed()
    network.run(510_000)
    first, second = box.subscribed
    assert second.get("call-id") == first.get("call-id")
    assert second.cseq[0] == first.cseq[0] + 1
    assert parameter(second.get("to"), "tag") == "box"
    assert second.uri == "sip:box@192.0.2.1:5060"
    assert not taken(alice)


def test_a_notify_that_overtakes_the_answer_is_taken() -> None:
    network = Network()
    box = Mailbox(REGISTRAR, network)
    network.dropped = lambda data: data.startswith(b"SIP/2.0 200") and b"SUBSCRIBE" in data
    alice = agent(ALICE_NUMBER, ALICE, [REGISTRAR], mailbox="5551000@mail.example.net")
    network.nodes[ALICE] = alice
    alice.register(network.now_ms)
    network.run(100)
    assert box.subscribed[0].uri == "sip:5551000@mail.example.net"
    box.notify(b"Messages-Waiting: yes\r\n")
    network.run(100)
    assert taken(alice)[-1] == ("message_waiting", 1)
    box.notify(b"Messages-Waiting: yes\r\n", tag="other", cseq=2)
    box.notify(b"Messages-Waiting: no\r\n", cseq=2)
    network.run(100)
    assert box.notified == [200, 481, 200]
    assert taken(alice) == [("message_waiting", 0)]
    network.dropped = lambda _data: False
    network.run(1000)
    assert len({message.get("call-id") for message in box.subscribed}) == 1


def test_a_notify_of_another_dialog_is_refused() -> None:
    network, box, alice = subscribed()
    box.notify(b"Messages-Waiting: yes\r\n", tag="other")
    network.run(100)
    assert box.notified == [481]
    box.notify(b"Messages-Waiting: yes\r\n", cseq=5)
    box.notify(b"Messages-Waiting: no\r\n", cseq=4)
    network.run(100)
    assert box.notified == [481, 200, 500]
    assert taken(alice) == [("message_waiting", 1)]


def test_a_subscription_that_is_ended_is_begun_anew_after_a_while() -> None:
    network, box, _ = subscribed()
    box.notify(b"", state="terminated;reason=timeout")
    network.run(1000)
    assert len(box.subscribed) == 1
    network.run(RETRY_MS + 2000)
    first, second = box.subscribed
    assert second.get("call-id") != first.get("call-id")


def test_a_refused_subscription_is_tried_less_and_less_often() -> None:
    network = Network()
    box = Mailbox(REGISTRAR, network)
    box.status = 489
    alice = agent(ALICE_NUMBER, ALICE, [REGISTRAR], mailbox="5551000")
    network.nodes[ALICE] = alice
    alice.register(network.now_ms)
    network.run(24 * 3_600_000)
    assert 24 <= len(box.subscribed) <= 60
    assert kinds(alice) == ["registered"]


def test_another_registrar_is_subscribed_to_anew() -> None:
    network, box, alice = subscribed()
    second = Mailbox(SECOND, network)
    alice.set_registrars([(*REGISTRAR, "udp"), (*SECOND, "udp")])
    box.down = True
    alice.register(network.now_ms)
    network.run(10_000)
    assert len(second.subscribed) == 1
    assert second.subscribed[0].get("call-id") != box.subscribed[0].get("call-id")
