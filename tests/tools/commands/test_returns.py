"""`plugtone return` against the real service."""

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run


def test_what_comes_in_is_taken_in_matched_or_sent_back(plugtone: Run, services: Services) -> None:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    account = warehouse.open_account()
    units = [warehouse.place(account) for _ in range(3)]
    scan = ("--condition", "sound", "--reason", "no letter")
    warehouse.approved(units[0], mode="on_receipt")
    assert "is received under RMA-1; inspect it next" in plugtone("return", "take-in", units[0].serial, *scan)
    printed = plugtone("return", "take-in", units[1].serial, *scan)
    assert f"{units[1].serial} of AC-1 has no RMA: put it into quarantine as BR-1" in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert plugtone("return", "take-in", units[2].serial, *scan, "--json")["blind_return"]["id"] == "BR-2"
    assert [line["id"] for line in plugtone("return", "list", "--json")] == ["BR-1", "BR-2"]
    warehouse.approved(units[1], mode="on_receipt")
    assert plugtone("return", "show", "BR-1", "--json")["matches"][0]["id"] == "RMA-2"
    assert plugtone("return", "match", "BR-1", "--rma", "RMA-2", "--json")["return"] == "received"
    back = ("BR-2", "--carrier", "UPS", "--reason", "theirs")
    assert plugtone("return", "send-back", *back, "--json")["state"] == "sent_back"
    assert plugtone("return", "come-back", "BR-2", "--reason", "refused", "--json")["state"] == "in_quarantine"
    plugtone("return", "send-back", *back)
    sent_at = plugtone("return", "show", "BR-2", "--json")["sent_at"].partition(".")[0].removesuffix("Z")
    assert plugtone("return", "deliver", "BR-2", "--at", sent_at, "--json")["state"] == "delivered"
    assert len(plugtone("return", "list", "--settled", "--json")) == 2


def test_our_own_parcel_is_named_so(plugtone: Run, services: Services) -> None:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    unit = warehouse.place(warehouse.open_account())
    warehouse.stock()
    rma = warehouse.approved(unit)
    new = warehouse.replace(rma)
    services.rmas.lose(warehouse.actor, rma.id, "refused")
    assert "it is a returned unit of ours" in plugtone("return", "take-in", new.serial, "--condition", "sound")
