"""The numbers of the director's orders: older ones are refused, until the key that used them up is another."""

from __future__ import annotations

from tests.firmware.adapter.update.repository import BendableRepository, new_key
from tests.firmware.adapter.update.unit import UpdatingUnit


def next_director(repository: BendableRepository, keep: bool) -> None:
    """A fresh director's key, listed in place of the old one or beside it; orders are signed by it from now on."""
    delegations = repository.targets.delegations
    assert delegations is not None
    assert delegations.roles is not None
    signer = new_key()
    delegations.keys[signer.public_key.keyid] = signer.public_key
    role = delegations.roles["director"]
    role.keyids = [*(role.keyids if keep else []), signer.public_key.keyid]
    repository.keys["director"] = [signer]
    repository.publish(bump=("all",))


def test_a_fast_forward_of_orders_ends_with_the_directors_key(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    repository.assign(None, 0xFFFFFFFF)  # by a thief
    unit.session.check()
    unit.work()
    next_director(repository, keep=False)
    repository.assign("simulated_1.0.0.img", 7)
    unit.install()
    unit.session.self_test(True)
    unit.session.fleet_answered()
    assert unit.told()[-1] == ("confirmed", "none")
    repository.assign(None, 6)
    unit.session.check()
    unit.work()
    assert unit.told()[-1] == ("failed", "rollback")


def test_a_key_added_to_the_directors_lets_no_older_order_through(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    repository.assign(None, 9)
    unit.session.check()
    unit.work()
    next_director(repository, keep=True)
    repository.assign("simulated_1.0.0.img", 7)
    unit.session.check()
    unit.work()
    assert unit.told() == [("failed", "rollback")]
