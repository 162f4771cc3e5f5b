"""baresip as the far end: it answers by itself, speaks a WAV file, keeps what it hears, and tells what happens.

One process has several accounts, each with its codecs and packet time, so that tests share it. It is driven, and tells
its events, over ctrl_tcp: JSON in netstrings.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.alignment import read_wav
from tests.peers.kamailio import PASSWORD
from tests.peers.processes import HOST, Peer, PeerError, free_ports, wait_until

_RTP_PORTS = 40
_MODULES = "/usr/lib/baresip/modules"  # where Debian has them
_CONFIGURATION = """poll_method epoll
sip_listen {host}:{port}
audio_player aubridge,ear
audio_source aufile,{speech}
audio_alert aubridge,ear
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_txmode thread
call_max_calls 8
rtp_ports {rtp_port}-{last_rtp_port}
jitter_buffer_type off
net_interface {host}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control_port}
snd_path {heard}
"""

Event = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """A user of baresip; `codecs` in its order of preference, `more` as its account line has it."""

    user: str
    codecs: Sequence[str] = ("PCMU", "PCMA")
    ptime_ms: int = 20
    more: str = ""

    def line(self, registrar_port: int) -> str:
        codecs = ",".join(f"{codec}/8000/1" for codec in self.codecs)
        return (
            f"<sip:{self.user}@{HOST}:{registrar_port}>;auth_user={self.user};auth_pass={PASSWORD};regint=600;"
            f"answermode=auto;audio_codecs={codecs};ptime={self.ptime_ms}{self.more}\n"
        )


class Baresip(Peer):
    """`accounts` are registered at the port `registrar_port`; all speak `speech`, a WAV of 8 kHz, 16 bits, mono."""

    name = "baresip"

    def __init__(self, folder: Path, registrar_port: int, accounts: Sequence[Account], speech: Path) -> None:
        super().__init__(folder)
        first = free_ports(16)
        self.port, self._control_port = first, first + 10
        self.heard = folder / "heard"
        self.heard.mkdir()
        self.events: list[Event] = []
        self._answers: list[Event] = []
        self._accounts = accounts
        self._changed = threading.Condition()
        self._control: socket.socket | None = None
        rtp_port = free_ports(_RTP_PORTS)
        (folder / "config").write_text(
            _CONFIGURATION.format(
                host=HOST, port=self.port, control_port=self._control_port, speech=speech, heard=self.heard,
                modules=_MODULES, rtp_port=rtp_port, last_rtp_port=rtp_port + _RTP_PORTS,
            )
        )  # fmt: skip
        (folder / "accounts").write_text("".join(account.line(registrar_port) for account in accounts))
        (folder / "contacts").write_text("")

    def command(self) -> Sequence[str]:
        return ("baresip", "-4", "-f", str(self.folder), "-v")

    def ready(self) -> bool:
        """Registered with all accounts, and listening to us."""
        if self.log.count(" 200 OK (") < len(self._accounts):
            return False
        try:
            self._control = socket.create_connection((HOST, self._control_port))
        except OSError:
            return False
        threading.Thread(target=self._listen, args=(self._control,), daemon=True).start()
        return True

    def order(self, command: str, params: str = "") -> str:
        """One of baresip's commands ("dial", "hangup", "hold" ...); what it says to it."""
        told = json.dumps({"command": command, "params": params, "token": str(len(self._answers))}).encode()
        assert self._control
        with self._changed:
            count = len(self._answers)
            self._control.sendall(b"%d:%s," % (len(told), told))
            assert self._changed.wait_for(lambda: len(self._answers) > count, 5), f"baresip does not answer {command}"
            return str(self._answers[-1].get("data", ""))

    def wait_for(self, kind: str, after: int = 0, timeout_s: float = 10.0, **values: object) -> Event:
        """The first event of this type with these values, from the event number `after` on."""
        until = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for event in self.events[after:]:
                    if event.get("type") == kind and all(event.get(name) == value for name, value in values.items()):
                        return event
                if not self._changed.wait(until - time.monotonic()):
                    told = [(event.get("type"), event.get("param")) for event in self.events[after:]]
                    raise PeerError(f"no {kind} {values} of baresip in {timeout_s} s, but {told}")

    def heard_last(self) -> array[int]:
        """What was heard in the call that ended last, as soon as its file is whole."""
        path = max(self.heard.glob("*-dec.wav"))
        samples = array("h")

        def whole() -> bool:
            try:
                samples[:] = read_wav(path)
            except (EOFError, wave.Error):
                return False
            return len(samples) > 0

        wait_until(whole, f"baresip closes {path.name}")
        return samples

    def stop(self, *how: int) -> None:
        super().stop(*how)
        if self._control:
            self._control.close()

    def _listen(self, control: socket.socket) -> None:
        buffer = b""
        while True:
            try:
                data = control.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b":" in buffer:
                head, _, rest = buffer.partition(b":")
                if len(rest) <= int(head):
                    break
                event = json.loads(rest[: int(head)])
                buffer = rest[int(head) + 1 :]
                with self._changed:
                    (self._answers if event.get("response") else self.events).append(event)
                    self._changed.notify_all()
