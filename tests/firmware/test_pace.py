"""Without the right to capture a test is left out; with CI set only where nobody could have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.firmware import pace

NOBODY, ALL_BUT_IT, IT_ALONE = 0, ~(1 << 13) & (1 << 41) - 1, 1 << 13


@pytest.mark.parametrize(("bounds", "granted"), [(NOBODY, False), (ALL_BUT_IT, False), (IT_ALONE, True)])
def test_the_bounding_set_says_whether_anybody_may_ever(tmp_path: Path, bounds: int, granted: bool) -> None:
    status = tmp_path / "status"
    status.write_text(f"Name:\tpython\nCapEff:\t{IT_ALONE:016x}\nCapBnd:\t{bounds:016x}\nSeccomp:\t0\n")
    assert pace.may_be_granted(status) is granted


@pytest.mark.parametrize(
    ("continuous", "granted", "ends"),
    [("1", True, "fails"), ("1", False, "is skipped"), ("", True, "is skipped"), ("", False, "is skipped")],
)
def test_a_right_that_could_be_had_is_missed_where_ci_is_set(
    monkeypatch: pytest.MonkeyPatch, continuous: str, granted: bool, ends: str
) -> None:
    monkeypatch.setenv("CI", continuous)
    monkeypatch.setattr(pace, "may_capture", lambda: False)
    monkeypatch.setattr(pace, "may_be_granted", lambda: granted)
    expected = pytest.fail.Exception if ends == "fails" else pytest.skip.Exception
    with pytest.raises(expected, match="CAP_NET_RAW"):
        pace.capture_wanted()
    monkeypatch.setattr(pace, "may_capture", lambda: True)
    pace.capture_wanted()
