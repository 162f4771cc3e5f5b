"""What is signed anew when keys give way to others: planned in full before anything is signed or written. Pure.

- A key is replaced wherever it is listed, so that one replacement serves a routine rotation and a stolen key alike.
- Root lists the others' keys: a new one is needed for a key of root, targets, snapshot or timestamp. Targets lists
  those of boards and director.
- A role whose own key changed is signed anew with its content as it was; its holder's other roles stay as they are.
- The number of keys and the thresholds stay: root keeps two of three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from securesystemslib.signer import Key
from tuf.api.metadata import Delegations, Root, Targets

from protocol.host.role_parts import parse_part
from tools.release.bundle import Bundle
from tools.release.errors import ReleaseError

ROOT_LIFE: Final = timedelta(days=730)
TARGETS_LIFE: Final = timedelta(days=365)
_ONLINE: Final = {
    "snapshot": "the fleet signs snapshots with its next key from this publication on",
    "timestamp": "the fleet signs timestamps with its next key from this publication on",
    "director": "the fleet signs assignments with its next key from this publication on, pending ones anew",
}


@dataclass(frozen=True, slots=True)
class Replaced:
    """In `role`, the key `old` gives way to `new` (key ids)."""

    role: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The metadata to sign, by role and one version on each, and which keys change in it."""

    changes: Mapping[str, Root | Targets]
    replaced: tuple[Replaced, ...]

    def to_dict(self, names: Mapping[str, str]) -> dict[str, Any]:
        """As JSON shows it; `names` of keys by id."""
        keys = [
            {"role": each.role, "removed": _shown(each.old, names), "added": _shown(each.new, names)}
            for each in self.replaced
        ]
        return {
            "keys": keys,
            "files": [f"{signed.version}.{role}.json" for role, signed in self.changes.items()],
            "effects": self.effects(),
        }

    def lines(self, names: Mapping[str, str]) -> list[str]:
        """For people; `names` of keys by id."""
        keys = [
            f"{each.role}: {_label(each.old, names)} gives way to {_label(each.new, names)}" for each in self.replaced
        ]
        files = [f"signs {signed.version}.{role}.json" for role, signed in self.changes.items()]
        return keys + files + self.effects()

    def effects(self) -> list[str]:
        """What fleet and units see of it, once it is published."""
        roles = {each.role for each in self.replaced}
        found = []
        if "root" in self.changes:
            found.append(f"units fetch root {self.changes['root'].version} at their next refresh, by both thresholds")
        if roles & {"snapshot", "timestamp"}:
            found.append("units forget the snapshot and timestamp they hold (TUF 5.3.11)")
        found += [sentence for role, sentence in _ONLINE.items() if role in roles]
        if roles - set(_ONLINE):
            found.append("what the removed keys sign from then on is refused")
        return found


def replace_keys(bundle: Bundle, replacements: Mapping[str, Key], now: datetime) -> Plan:
    """The plan that puts a new key in the place of each old one, by key id; ReleaseError if one is listed nowhere."""
    root: Root = bundle.require("root").signed
    targets: Targets = bundle.require("targets").signed
    if targets.delegations is None:
        raise ReleaseError("targets delegates to nobody; run `plugtone release init` again")
    in_root = _replace_in(root, replacements)
    in_targets = _replace_in(targets.delegations, replacements)
    unlisted = set(replacements) - {each.old for each in in_root + in_targets}
    if unlisted:
        raise ReleaseError(f"no role lists key {', '.join(sorted(key[:8] for key in unlisted))}; see `release status`")
    changes: dict[str, Root | Targets] = {}
    if in_root:
        changes["root"] = _next(root, now + ROOT_LIFE)
    if in_targets or any(each.role == "targets" for each in in_root):
        changes["targets"] = _next(targets, now + TARGETS_LIFE)
    for each in in_targets:
        if parse_part(each.role) is not None and each.role not in changes:
            changes[each.role] = _next(bundle.require(each.role).signed, now + TARGETS_LIFE)
    return Plan(changes, tuple(in_root + in_targets))


def keyids_of(bundle: Bundle, role: str) -> list[str]:
    """The keys of `role` (root, targets, snapshot, timestamp, director, board-...) as signed last."""
    root: Root = bundle.require("root").signed
    if role in root.roles:
        return list(root.roles[role].keyids)
    delegations = bundle.require("targets").signed.delegations
    if delegations is None or role not in delegations.roles:
        raise ReleaseError(f"there is no role {role}; there are {', '.join([*root.roles, *delegations.roles])}")
    return list(delegations.roles[role].keyids)


def _replace_in(holder: Root | Delegations, replacements: Mapping[str, Key]) -> list[Replaced]:
    roles = holder.roles or {}
    found = []
    for name, role in roles.items():
        for place, old in enumerate(role.keyids):
            new = replacements.get(old)
            if new is None:
                continue
            if new.keyid in role.keyids:
                raise ReleaseError(f"{name} lists key {new.keyid[:8]} already; each signature is another owner's")
            role.keyids[place] = new.keyid
            holder.keys[new.keyid] = new
            found.append(Replaced(name, old, new.keyid))
    used = {keyid for role in roles.values() for keyid in role.keyids}
    for old in replacements:
        if old not in used:
            holder.keys.pop(old, None)
    return found


def _next(signed: Any, expires: datetime) -> Any:
    signed.version += 1
    signed.expires = expires
    return signed


def _label(keyid: str, names: Mapping[str, str]) -> str:
    return f"{names[keyid]} ({keyid[:8]})" if keyid in names else keyid[:8]


def _shown(keyid: str, names: Mapping[str, str]) -> dict[str, str | None]:
    return {"keyid": keyid, "name": names.get(keyid)}
