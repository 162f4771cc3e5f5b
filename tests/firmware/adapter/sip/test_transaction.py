"""The four transaction machines, held against the figures of RFC 3261 17 and RFC 6026, written down here once more."""

from typing import Any

import pytest

from adapter.sip.dialog import Dialog
from adapter.sip.transaction import TIMERS, TRANSITIONS, Transaction, row

EVENTS = ("1xx", "2xx", "3xx", "request", "ack", "resend", "timeout", "lost")
STATES = {
    "ic": ("calling", "proceeding", "completed", "accepted"),
    "nc": ("trying", "proceeding", "completed"),
    "is": ("proceeding", "completed", "confirmed", "accepted", "acked"),
    "ns": ("trying", "completed"),
}
# Figure 5 with RFC 6026 figure 5, figure 6, figure 7 with RFC 6026 figure 6, figure 8: what each event leads to.
FIGURES: dict[tuple[str, str], dict[str, tuple[str, str]]] = {
    ("ic", "calling"): {
        "1xx": ("proceeding", "tell"), "2xx": ("accepted", "tell"), "3xx": ("completed", "ack,tell"),
        "resend": ("calling", "send"), "timeout": ("terminated", "tell"), "lost": ("terminated", "tell"),
    },
    ("ic", "proceeding"): {
        "1xx": ("proceeding", "tell"), "2xx": ("accepted", "tell"), "3xx": ("completed", "ack,tell"),
        "timeout": ("terminated", "tell"), "lost": ("terminated", "tell"),
    },
    ("ic", "completed"): {
        "3xx": ("completed", "ack"), "timeout": ("terminated", "-"), "lost": ("terminated", "-"),
    },
    ("ic", "accepted"): {"2xx": ("accepted", "tell"), "timeout": ("terminated", "-")},
    ("nc", "trying"): {
        "1xx": ("proceeding", "tell"), "2xx": ("completed", "tell"), "3xx": ("completed", "tell"),
        "resend": ("trying", "send"), "timeout": ("terminated", "tell"), "lost": ("terminated", "tell"),
    },
    ("nc", "proceeding"): {
        "1xx": ("proceeding", "tell"), "2xx": ("completed", "tell"), "3xx": ("completed", "tell"),
        "resend": ("proceeding", "send"), "timeout": ("terminated", "tell"), "lost": ("terminated", "tell"),
    },
    ("nc", "completed"): {"timeout": ("terminated", "-")},
    ("is", "proceeding"): {
        "request": ("proceeding", "send"), "1xx": ("proceeding", "send"), "2xx": ("accepted", "send"),
        "3xx": ("completed", "send"), "timeout": ("terminated", "tell"),
    },
    ("is", "completed"): {
        "request": ("completed", "send"), "resend": ("completed", "send"), "ack": ("confirmed", "-"),
        "timeout": ("terminated", "-"), "lost": ("terminated", "-"),
    },
    ("is", "confirmed"): {"timeout": ("terminated", "-")},
    ("is", "accepted"): {
        "resend": ("accepted", "send"), "ack": ("acked", "tell"), "timeout": ("terminated", "tell"),
    },
    ("is", "acked"): {"timeout": ("terminated", "-")},
    ("ns", "trying"): {"2xx": ("completed", "send"), "3xx": ("completed", "send"), "timeout": ("terminated", "-")},
    ("ns", "completed"): {"request": ("completed", "send"), "timeout": ("terminated", "-")},
}  # fmt: skip


def transaction(machine: str, *events: str, reliable: bool = False, limit_ms: int = 0) -> Any:
    """One in the state that `events` lead to."""
    uri = "sip:example.net"
    dialog = Dialog("id", "<sip:a@example.net>", "t", "<sip:b@example.net>", uri, ("192.0.2.1", 5060), [])
    message = dialog.request("INVITE" if machine[0] == "i" else "BYE")
    made = Transaction(machine, message, ("192.0.2.1", 5060), "z9hG4bKx", None, reliable, limit_ms)
    for event in events:
        assert made.handle(event), event
    return made


WAYS = {
    ("ic", "calling"): (), ("ic", "proceeding"): ("1xx",), ("ic", "completed"): ("3xx",), ("ic", "accepted"): ("2xx",),
    ("nc", "trying"): (), ("nc", "proceeding"): ("1xx",), ("nc", "completed"): ("2xx",),
    ("is", "proceeding"): (), ("is", "completed"): ("3xx",), ("is", "confirmed"): ("3xx", "ack"),
    ("is", "accepted"): ("2xx",), ("is", "acked"): ("2xx", "ack"),
    ("ns", "trying"): (), ("ns", "completed"): ("2xx",),
}  # fmt: skip


@pytest.mark.parametrize("machine", STATES)
def test_every_event_in_every_state_does_what_the_figures_say(machine: str) -> None:
    for state in STATES[machine]:
        for event in EVENTS:
            each = transaction(machine, *WAYS[machine, state])
            assert each.state == state
            after, what = FIGURES[machine, state].get(event, (state, ""))
            assert each.handle(event) == what, (state, event)
            assert each.state == after, (state, event)


def test_the_tables_have_no_other_states_and_each_has_its_timers() -> None:
    lines = [line.split(" ") for line in TRANSITIONS.strip().split("\n")]
    assert {(line[0], line[1]) for line in lines} == set(FIGURES)
    assert {line[3] for line in lines if line[3] != "terminated"} | {"calling", "trying"} == {
        state for states in STATES.values() for state in states
    }
    for machine, state in FIGURES:
        assert len(row(TIMERS, f"{machine} {state}")) == 5


@pytest.mark.parametrize("machine", STATES)
def test_a_terminated_transaction_does_nothing_any_more(machine: str) -> None:
    each = transaction(machine, "timeout")
    assert each.state == "terminated"
    assert [each.handle(event) for event in EVENTS] == [""] * len(EVENTS)
    assert each.poll(10**6) == ""


def acts(each: Any, until_ms: int) -> list[tuple[int, str]]:
    """When its timers do what, from 1000 ms on, relative to that; asked only when it says that something is due."""
    now_ms = 1000
    out = []
    while now_ms <= 1000 + until_ms and each.state != "terminated":
        done = each.poll(now_ms)
        if done:
            out.append((now_ms - 1000, done))
        assert each.state == "terminated" or not each.due_ms or each.due_ms > now_ms
        now_ms = max(each.due_ms, now_ms)
    return out


def test_timers_a_and_b_of_an_invite_that_nobody_answers() -> None:
    sent = [(at, "send") for at in (500, 1500, 3500, 7500, 15_500, 31_500)]
    assert acts(transaction("ic"), 10**6) == [*sent, (32_000, "tell")]


def test_timers_e_and_f_of_another_request_that_nobody_answers() -> None:
    sent = [(at, "send") for at in (500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500)]
    assert acts(transaction("nc"), 10**6) == [*sent, (32_000, "tell")]


def test_a_provisional_response_slows_timer_e_down_and_leaves_timer_f() -> None:
    each = transaction("nc")
    assert each.poll(1000) == ""
    each.handle("1xx")
    assert acts(each, 10**6)[:2] == [(4000, "send"), (8000, "send")]
    each = transaction("nc")
    each.poll(1000)
    each.handle("1xx")
    assert each.poll(20_000) == ""
    assert each.poll(33_000) == "tell"


@pytest.mark.parametrize("machine", ["ic", "nc"])
def test_a_limit_of_its_own_ends_the_wait_for_the_first_response_alone(machine: str) -> None:
    assert acts(transaction(machine, limit_ms=4000), 10**6)[-1] == (4000, "tell")
    each = transaction(machine, limit_ms=4000)
    each.poll(1000)
    each.handle("1xx")
    assert each.poll(4999) in ("", "send")
    if machine == "ic":
        assert each.poll(100_000) == ""
        assert each.poll(300_000) == "tell"


def test_timers_g_and_h_of_a_refusal_that_nobody_acknowledges() -> None:
    sent = [(at, "send") for at in (500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500)]
    each = transaction("is", "3xx")
    assert acts(each, 10**6) == [*sent, (32_000, "-")]
    assert each.state == "terminated"


def test_a_2xx_is_sent_again_until_its_ack_and_over_a_stream_too() -> None:
    for reliable in (False, True):
        each = transaction("is", "2xx", reliable=reliable)
        assert [at for at, what in acts(each, 8000) if what == "send"] == [500, 1500, 3500, 7500]
        assert each.handle("ack") == "tell"
        assert each.poll(9000) == ""
        assert each.poll(32_999) == ""
        assert each.poll(33_000) == "-"
    assert acts(transaction("is", "2xx"), 10**6)[-1] == (32_000, "tell")


@pytest.mark.parametrize(
    ("machine", "events", "wait_ms"),
    [("ic", ("3xx",), 32_000), ("nc", ("2xx",), 5000), ("is", ("3xx", "ack"), 5000), ("ns", ("2xx",), 32_000)],
)
def test_timers_d_k_i_and_j_wait_for_what_comes_late_but_not_on_a_stream(
    machine: str, events: tuple[str, ...], wait_ms: int
) -> None:
    assert acts(transaction(machine, *events), 10**6)[-1] == (wait_ms, "-")
    assert acts(transaction(machine, *events, reliable=True), 10**6) == [(0, "-")]


def test_timers_l_and_m_outlive_the_2xx_on_any_transport() -> None:
    for reliable in (False, True):
        assert acts(transaction("ic", "2xx", reliable=reliable), 10**6) == [(32_000, "-")]


@pytest.mark.parametrize("machine", ["ic", "nc"])
def test_over_a_stream_a_request_is_sent_once(machine: str) -> None:
    assert acts(transaction(machine, reliable=True), 10**6) == [(32_000, "tell")]


@pytest.mark.parametrize("key", FIGURES)
def test_every_state_has_an_end(key: tuple[str, str]) -> None:
    each = transaction(key[0], *WAYS[key])
    each.poll(1000)
    assert each.poll(1000 + 200_000) in ("tell", "-")
    assert each.state == "terminated"
