"""kamailio as registrar and proxy: digest for everybody, and users whom it treats in a way of their own.

The password of all is "secret". A nonce lives for NONCE_S seconds: what is sent with an older one is told that it is
stale. Special users of REGISTER: `barred` gets 403; `brief` gets 423 for less than BRIEF_S. Numbers: `7`
and a port of five digits is that port of 127.0.0.1, 911 and 933 the port `emergency_port`, any other one a registered
user. Callers whose own number begins with 7 are not asked for a password.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.peers.processes import HOST, Peer, answers_sip, free_ports

PASSWORD = "secret"
NONCE_S = 1
BRIEF_S = 120
_MODULES = "tm sl rr pv maxfwd textops textopsx siputils usrloc registrar auth nathelper xlog"

_CONFIGURATION = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:{host}:{port}
{modules}
modparam("tm", "fr_timer", 3000)
modparam("tm", "fr_inv_timer", 30000)
modparam("usrloc", "db_mode", 0)
modparam("nathelper|registrar", "received_avp", "$avp(RCV)")
modparam("registrar", "min_expires", 1)
modparam("registrar", "max_expires", {max_expires_s})
modparam("auth", "nonce_expire", {nonce_s})
modparam("auth", "secret", "rig")

event_route[sl:local-response] {{
    $var(stale) = "";
    if ($hdr(WWW-Authenticate) =~ "stale=true") {{ $var(stale) = " stale"; }}
    if ($hdr(Proxy-Authenticate) =~ "stale=true") {{ $var(stale) = " stale"; }}
    xlog("L_ALERT", "rig: $rm $tU $rs$var(stale)\n");
}}
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
        sl_send_reply("404", "Not Here");
        exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{ route(REGISTER); exit; }}
    if (is_method("OPTIONS") && $rU == $null) {{ sl_send_reply("200", "OK"); exit; }}
    route(PROXY);
}}
route[REGISTER] {{
    pv_www_authenticate("$td", "{password}", "0");
    if ($? == -4) {{ www_challenge("$td", "17"); exit; }}  # expired: stale=true
    if ($? < 0) {{ www_challenge("$td", "1"); exit; }}
    if ($tU == "barred") {{ sl_send_reply("403", "Forbidden"); exit; }}
    if ($tU == "brief" && $hdr(Expires) < {brief_s} && $hdr(Expires) != 0) {{
        append_to_reply("Min-Expires: {brief_s}\\r\\n");
        sl_send_reply("423", "Interval Too Brief");
        exit;
    }}
    force_rport();
    fix_nated_register();
    save("location");
}}
route[PROXY] {{
    if (is_method("INVITE") && !($fU =~ "^7") && !pv_proxy_authenticate("$fd", "{password}", "0")) {{
        proxy_challenge("$fd", "1");
        exit;
    }}
    consume_credentials();
    record_route();
    if ($rU =~ "^7[0-9]{{5}}$") {{ $du = "sip:{host}:" + $(rU{{s.substr,1,5}}); }}
    else if ($rU == "911" || $rU == "933") {{ $du = "sip:{host}:{emergency_port}"; }}
    else if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    if (!t_relay()) {{ sl_reply_error(); }}
}}
"""


class Kamailio(Peer):
    """One instance; `port` is its SIP port. Nobody is registered for longer than `max_expires_s`."""

    name = "kamailio"

    def __init__(self, folder: Path, max_expires_s: int = 3600) -> None:
        super().__init__(folder)
        self.port = free_ports(1)
        self.emergency_port = free_ports(1)
        self._configuration = folder / "kamailio.cfg"
        modules = "\n".join(f'loadmodule "{name}.so"' for name in _MODULES.split())
        self._configuration.write_text(
            _CONFIGURATION.format(
                host=HOST, port=self.port, emergency_port=self.emergency_port, password=PASSWORD, nonce_s=NONCE_S,
                brief_s=BRIEF_S, max_expires_s=max_expires_s,
                modules=modules,
            )
        )  # fmt: skip

    def answers(self, method: str, user: str) -> list[str]:
        """The statuses that requests of this method to this user got of kamailio itself; " stale" after a 401 or 407
        that says so."""
        return re.findall(rf"rig: {method} {re.escape(user)} (\d+(?: stale)?)", self.log)

    def command(self) -> Sequence[str]:
        memory = ("-m", "64", "-M", "8")
        run = ("-P", str(self.folder / "pid"), "-Y", str(self.folder))
        return ("kamailio", "-f", str(self._configuration), "-DD", "-E", *memory, *run)

    def ready(self) -> bool:
        return answers_sip(self.port)
