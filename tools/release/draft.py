"""A change to what is signed, from proposal to the last signature; owners sign one after another, where their keys are.

- A change is a set of roles, each one version on. It goes into the bundle as a whole, once every role has the
  signatures its delegator's threshold demands (a root: those of the root before it and its own, TUF 5.3.4).
- Until then it lies in `proposed/` with the signatures it has; there is at most one.
- A crash while it goes into the bundle leaves it in `proposed/`, and `cosign` ends what was begun.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root, Targets

from tools.release.bundle import Bundle, check_size, metadata_bytes, read_metadata, write_file
from tools.release.errors import ReleaseError
from tools.release.keys import OfflineKeys


@dataclass(frozen=True, slots=True)
class Missing:
    """What a role still lacks: `needed` more signatures by any of `keyids`, as `delegator` demands."""

    role: str
    version: int
    delegator: str
    needed: int
    keyids: tuple[str, ...]

    def sentence(self, names: Mapping[str, str]) -> str:
        """For people; `names` of keys by id."""
        keys = ", ".join(f"{names.get(keyid, 'a key')} ({keyid[:8]})" for keyid in self.keyids)
        return f"{self.role} {self.version} needs {self.needed} more of {keys}, as {self.delegator} demands"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change: the files that are signed now, or what they still lack."""

    signed: tuple[Path, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """Roles on their way into `bundle`."""

    bundle: Bundle
    roles: Mapping[str, Metadata[Any]] = field(default_factory=dict)

    def sign(self, keys: OfflineKeys) -> None:
        """Add the signature of every demanded key that is at hand and has not signed."""
        missing = self.missing(all_keys=True)
        signers = {
            signer.public_key.keyid: signer
            for signer in keys.signers_of({keyid for each in missing for keyid in each.keyids})
        }
        for each in missing:
            metadata = self.roles[each.role]
            for keyid in each.keyids:
                if keyid in signers and keyid not in metadata.signatures:
                    metadata.sign(signers[keyid], append=True)

    def missing(self, all_keys: bool = False) -> list[Missing]:
        """What is lacking, by role and delegator; with `all_keys` also who may sign beyond the threshold."""
        found = []
        for role, metadata in self.roles.items():
            for name, delegator in self._delegators(role, metadata):
                result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
                if not result.verified or (all_keys and result.unsigned):
                    keyids = tuple(result.unsigned)
                    found.append(Missing(role, metadata.signed.version, name, result.missing, keyids))
        return found

    def settle(self, payloads: Mapping[str, bytes] | None = None) -> Outcome:
        """Put the change into the bundle if it is signed, with its images and records; else keep it as proposed."""
        files = {role: metadata_bytes(metadata) for role, metadata in self.roles.items()}
        for role, data in files.items():
            check_size(role, data)
        missing = self.missing()
        self._keep(files)
        if missing:
            return Outcome((), tuple(missing))
        self.bundle.add_files(payloads or {})
        paths = []
        for role, data in files.items():  # root first: what is left in proposed/ verifies under it
            paths.append(self.bundle.path(role, self.roles[role].signed.version))
            write_file(paths[-1], data)
        abandon(self.bundle)
        return Outcome(tuple(paths), ())

    def require_signed(self) -> None:
        """ReleaseError if a signature is lacking, for changes whose keys are always at one place."""
        missing = self.missing()
        if missing:
            sentences = "; ".join(each.sentence(self.bundle.key_names()) for each in missing)
            raise ReleaseError(f"the keys at hand do not suffice: {sentences}; give the folder that has them")

    def _keep(self, files: Mapping[str, bytes]) -> None:
        """Write all of `proposed/` or, at its first time, nothing."""
        proposed = self.bundle.proposed
        named = {f"{self.roles[role].signed.version}.{role}.json": data for role, data in files.items()}
        if proposed.exists():
            for name, data in named.items():
                write_file(proposed / name, data)
            return
        fresh = proposed.with_name("proposed.new")
        shutil.rmtree(fresh, ignore_errors=True)
        for name, data in named.items():
            write_file(fresh / name, data)
        fresh.rename(proposed)

    def _delegators(self, role: str, metadata: Metadata[Any]) -> list[tuple[str, Root | Targets]]:
        if role == "root":
            before = metadata.signed.version - 1
            own: list[tuple[str, Root | Targets]] = [(f"root {before + 1} itself", metadata.signed)]
            return ([(f"root {before}", self.bundle.load("root", before).signed)] if before else []) + own
        name = "root" if role == "targets" else "targets"
        holder = self.roles.get(name) or self.bundle.require(name)
        return [(f"{name} {holder.signed.version}", holder.signed)]


def propose(bundle: Bundle, changes: Mapping[str, Root | Targets]) -> Draft:
    """A draft of those roles, unsigned; ReleaseError while another waits for signatures. Root comes first."""
    waiting = bundle.proposals()
    if waiting:
        raise ReleaseError(
            f"{', '.join(f'{role} {version}' for role, version in waiting.items())} is proposed and waits for "
            "signatures: add them by `plugtone release cosign`, or drop it by `plugtone release abandon`"
        )
    order = sorted(changes, key=_signing_order)
    return Draft(bundle, {role: Metadata(changes[role]) for role in order})


def load(bundle: Bundle) -> Draft | None:
    """What waits for signatures, if anything does."""
    waiting = bundle.proposals()
    if not waiting:
        return None
    order = sorted(waiting, key=_signing_order)
    return Draft(bundle, {role: read_metadata(bundle.proposed / f"{waiting[role]}.{role}.json") for role in order})


def cosign(bundle: Bundle, keys: OfflineKeys) -> Outcome:
    """Add the signatures of the keys at hand to what waits, and take it into the bundle if that was the last."""
    draft = load(bundle)
    if draft is None:
        raise ReleaseError(f"nothing in {bundle.directory} waits for signatures")
    draft.sign(keys)
    return draft.settle()


def abandon(bundle: Bundle) -> list[str]:
    """Drop what waits for signatures; the roles."""
    waiting = bundle.proposals()
    for role in sorted(waiting, key=_signing_order, reverse=True):
        (bundle.proposed / f"{waiting[role]}.{role}.json").unlink()
    shutil.rmtree(bundle.proposed, ignore_errors=True)
    return list(waiting)


def _signing_order(role: str) -> tuple[int, str]:
    return ({"root": 0, "targets": 1}.get(role, 2), role)
