"""sipp as a peer that does just what it is told: a scenario is a list of steps, and all of them must come to pass.

Steps are lines: `< INVITE` and `< 200` are awaited (`<?` may come or not), `> 180` and `> BYE` are sent, `pause 200`
waits that many ms. A scenario that begins with `>` calls the number `service`. Words after what is sent:
- `sdp`, `hold`, `inactive`: our description goes with it, of that direction;
- of a response: it answers the last message that came; with `first` the first INVITE, with `kept` the last request;
  those in a dialog already (`dialog`) get no tag of ours;
- of an ACK: `refused`, for it belongs to an answer that is no 2xx.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.peers.processes import HOST, Peer, PeerError, bound, free_ports, wait_until

_REASONS = {
    "100": "Trying", "180": "Ringing", "183": "Session Progress", "200": "OK", "486": "Busy Here",
    "487": "Request Terminated", "491": "Request Pending", "500": "Server Internal Error", "603": "Decline",
}  # fmt: skip
_DIRECTIONS = {"sdp": "sendrecv", "hold": "sendonly", "inactive": "inactive"}
_COPIED = "[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n[last_Record-Route:]\n"
_KEPT = {"via": ("Via", 1), "next_via": ("Via", 2), "from": ("From", 1), "to": ("To", 1), "cseq": ("CSeq", 1)}
_REMEMBERED = (
    "Via:[${kind}_via]\nVia:[${kind}_next_via]\nFrom:[${kind}_from]\nTo:[${kind}_to]{tag}\n[last_Call-ID:]\n"
    "CSeq:[${kind}_cseq]\n"
)
_CONTACT = "Contact: <sip:{user}@[local_ip]:[local_port]>\n"
_TAG = ";tag=[pid]rig[call_number]"


def sdp(port: int, formats: str = "0 8 101", ptime_ms: int = 20, more: Sequence[str] = (), version: int = 1) -> str:
    """A description of one audio stream at 127.0.0.1; `formats` as the m= line has them, {direction} is left open."""
    lines = [
        "v=0", f"o=rig 1 {version} IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0",
        f"m=audio {port} RTP/AVP {formats}", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15",
        f"a=ptime:{ptime_ms}", *more, "a={direction}",
    ]  # fmt: skip
    return "\n".join(lines)


class Sipp(Peer):
    """One run of one scenario, of one call; `number` is what to dial at kamailio to reach it, `user` its own number."""

    name = "sipp"

    def __init__(
        self, folder: Path, steps: str, description: str = "", proxy_port: int = 0, service: str = "", port: int = 0
    ) -> None:
        super().__init__(folder)
        self.port = port or free_ports(1)
        self.number = self.user = f"7{self.port:05}"
        self._description = description
        self._called = f"<sip:{service}@{HOST}:{proxy_port}>"
        self._remote = f"{HOST}:{proxy_port}" if proxy_port else ""
        self._calls = bool(service)
        self._sequence = self._index = self._invited = self._invited_at = 0
        self._scenario = folder / "scenario.xml"
        lines = [line.strip() for line in steps.strip().splitlines()]
        variables = ",".join(f"{kind}_{name}" for kind in ("first", "kept") for name in _KEPT)
        reference = "" if self._calls else f'\n<Reference variables="{variables}"/>'
        self._scenario.write_text(
            '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="rig">\n'
            + "\n".join(self._step(line) for line in lines)
            + f"{reference}\n</scenario>\n"
        )

    def command(self) -> Sequence[str]:
        run = ("-sf", str(self._scenario), "-i", HOST, "-p", str(self.port), "-m", "1", "-nostdin", "-timeout", "20s")
        seen = ("-timeout_error", "-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages")
        return ("sipp", *run, *seen, *((self._remote,) if self._remote else ()))

    def ready(self) -> bool:
        return bound(self.port)

    def finish(self, timeout_s: float = 10.0) -> None:
        """Returns when the scenario has come to pass; PeerError with what happened instead."""
        assert self._process
        try:
            wait_until(lambda: not self.runs, "the scenario of sipp has come to its end", timeout_s)
        except PeerError as error:
            self.stop()
            raise PeerError(f"{error}\n{self.messages[-6000:]}") from None
        if self._process.returncode:
            errors = self.folder / "errors"
            said = errors.read_text(errors="replace") if errors.exists() else self.log
            raise PeerError(
                f"sipp ended with status {self._process.returncode}: {said[-3000:]}\n{self.messages[-6000:]}"
            )

    @property
    def messages(self) -> str:
        """All that it has sent and received."""
        path = self.folder / "messages"
        return path.read_text(errors="replace") if path.exists() else ""

    def _step(self, line: str) -> str:
        self._index += 1
        arrow, _, rest = line.partition(" ")
        what, *words = rest.split()
        if arrow == "pause":
            return f'<pause milliseconds="{what}"/>'
        if arrow in {"<", "<?"}:
            optional = ' optional="true"' if arrow == "<?" else ""
            kind = "response" if what.isdigit() else "request"
            routes = ' rrs="true"' if what in {"INVITE", "200", "183", "180"} else ""
            kept = "" if what.isdigit() or self._calls or what in {"ACK", "CANCEL"} else self._keep(what)
            return f'<recv {kind}="{what}"{optional}{routes}>{kept}</recv>'
        text = self._response(what, words) if what.isdigit() else self._request(what, words)
        again = "" if what.isdigit() or what == "ACK" else ' retrans="500"'
        return f"<send{again}><![CDATA[\n{text}\n]]></send>"

    def _keep(self, method: str) -> str:
        """Actions that remember the headers of this request, and of the first INVITE for good."""
        out = ""
        for kind in ("kept", "first") if method == "INVITE" and not self._invited else ("kept",):
            for name, (header, occurrence) in _KEPT.items():
                out += f'<ereg regexp=".*" search_in="hdr" header="{header}:" occurence="{occurrence}" '
                out += f'assign_to="{kind}_{name}"/>'
        self._invited = self._invited or int(method == "INVITE")
        return f"<action>{out}</action>"

    def _response(self, status: str, words: Sequence[str]) -> str:
        kind = next((word for word in words if word in {"first", "kept"}), "")
        tag = "" if "dialog" in words or kind == "kept" or self._calls else _TAG
        copied = _REMEMBERED.format(kind=kind, tag=tag) if kind else _COPIED.format(tag=tag)
        return f"SIP/2.0 {status} {_REASONS[status]}\n{copied}" + _CONTACT.format(user=self.user) + self._body(words)

    def _request(self, method: str, words: Sequence[str]) -> str:
        """Of the dialog, but for the first INVITE of a caller and what belongs to its transaction."""
        if method not in {"ACK", "CANCEL"}:
            self._sequence += 1
        same = method == "CANCEL" or "refused" in words
        branch = f"[branch-{self._index - self._invited_at}]" if same else "[branch]"
        if method == "INVITE":
            self._invited_at = self._index
        if not self._calls:
            target, routes, ends = "[next_url]", "[routes]\n", f"From:[$first_to]{_TAG}\nTo:[$first_from]\n"
        else:
            outside = (method == "INVITE" or same) and self._sequence == 1
            tag = "" if outside and method != "ACK" else "[peer_tag_param]"
            target = self._called.strip("<>") if outside else "[next_url]"
            routes = "" if outside else "[routes]\n"
            ends = f"From: <sip:{self.user}@{HOST}>{_TAG}\nTo: {self._called}{tag}\n"
        head = (
            f"{method} {target} SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch={branch}\n"
            f"{routes}{ends}Call-ID: [call_id]\nCSeq: {self._sequence} {method}\nMax-Forwards: 70\n"
        )
        return head + _CONTACT.format(user=self.user) + self._body(words)

    def _body(self, words: Sequence[str]) -> str:
        direction = next((_DIRECTIONS[word] for word in words if word in _DIRECTIONS), "")
        if not direction:
            return "Content-Length: 0\n"
        head = "Content-Type: application/sdp\nContent-Length: [len]\n\n"
        return head + self._description.format(direction=direction)
