"""`plugtone policy` against the real service."""

from tests.tools.commands.conftest import Run


def test_a_value_is_set_and_listed(plugtone: Run) -> None:
    assert plugtone("policy", "set", "return_days", 14, "--from", "2026-05-01", "--json")["value"] == 14
    found = plugtone("policy", "list", "--date", "2026-05-01", "--json")
    assert {"name": "return_days", "value": 14, "effective_from": "2026-05-01", "coming": []} in found["values"]
    table = plugtone("policy", "list")
    assert "2026-05-01" in next(line for line in table.splitlines() if "return days" in line or "return_days" in line)
    assert "takes effect after today" in plugtone("policy", "set", "return_days", 14, "--from", "2026-03-02", status=1)


def test_a_minimum_version_is_told_what_it_lacks(plugtone: Run) -> None:
    noun = ("policy", "minimum-version")
    assert plugtone(*noun, "list", "--json") == []
    assert "no release has version" in plugtone(*noun, "propose", "2.0.0", "--from", "2027-01-01", status=1)
    assert "there is no minimum version MV-1" in plugtone(*noun, "approve", "MV-1", status=1)
    assert "there is no minimum version MV-1" in plugtone(*noun, "withdraw", "MV-1", "--reason", "none", status=1)
