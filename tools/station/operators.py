"""Who works at the station: an operator's badge, scanned at the start of a shift, goes with every act at the fleet.

The station's own token is what opens doors; a badge names its owner beside it and opens nothing. Without network a
badge that this station knows is good for some days. Badges are kept as hashes, and stand in memory only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tools.client import OPERATOR_HEADER, FleetClient, RefusedError, UnreachableError
from tools.station.errors import StationError
from tools.station.journal import write_whole

OPERATE: Final = "station:operate"
BADGE_PREFIXES: Final = ("plt_", "pls_")
MAX_BADGE_CHARACTERS: Final = 128
KNOWN_DAYS: Final = 7
SHIFTS: Final = "/v1/shifts"


class Operators:
    """The operator of the shift, none before one signed in. `needed`: without one no board is begun."""

    def __init__(
        self,
        fleet: FleetClient,
        folder: Path,
        needed: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._fleet = fleet
        self._path = folder / "operators"
        self._needed = needed
        self._now = now
        self.operator = ""
        self.station = ""

    @property
    def may_begin(self) -> bool:
        """Whether a board may be begun now."""
        return bool(self.operator) or not self._needed

    def sign_in(self, badge: str) -> str:
        """Begin the shift of a badge's owner; their number at the fleet. StationError if it is no good badge."""
        badge = badge.strip()
        if not is_badge(badge):
            raise StationError("that is no operator's badge; scan the QR code of your badge")
        known = self._known()
        mark = sha256(badge.encode()).hexdigest()
        try:
            shift = self._fleet.post(SHIFTS, headers={OPERATOR_HEADER: badge})
        except RefusedError as error:
            if known.pop(mark, None):  # nor is it good without network from now on
                write_whole(self._path, json.dumps(known).encode())
            raise StationError(f"the fleet knows no such badge: {error}") from error
        except UnreachableError as error:
            shift = known.get(mark)
            if shift is None:
                raise StationError("no network, and this station has not seen that badge lately") from error
        else:
            known[mark] = {**shift, "seen": self._now().isoformat()}
            write_whole(self._path, json.dumps(known).encode())
        self._fleet.name_operator(badge)
        self.operator, self.station = str(shift["operator"]), str(shift["station"])
        return self.operator

    def _known(self) -> dict[str, Any]:
        """Who signed in here within KNOWN_DAYS, by the badge's hash."""
        try:
            found: dict[str, Any] = json.loads(self._path.read_bytes())
            since = self._now() - timedelta(days=KNOWN_DAYS)
            return {mark: each for mark, each in found.items() if datetime.fromisoformat(each["seen"]) >= since}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


def is_badge(text: str) -> bool:
    """Whether that looks like a badge, which must not be shown."""
    return text.startswith(BADGE_PREFIXES) and len(text) <= MAX_BADGE_CHARACTERS
