"""Voice accounts: made and ended with the line, told to their unit alone, listed for the registrar without a secret."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from hashlib import md5, sha256
from typing import Any

import pytest
from sqlalchemy import select

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.phone_number import NumberEvent
from fleet.domain.suspension import SuspensionReason
from fleet.domain.unit import Service, Unit
from fleet.domain.voice_account import AccountKey
from fleet.domain.voice_profile import MediaSecurity, NameServer, Registrar, Transport, VoiceProfile
from fleet.mqtt.commands import Commands
from fleet.services.build import Services, build_services
from fleet.services.unit_messages import Outgoing
from fleet.services.voice_accounts import VoiceConfigurations
from fleet.store.sealing import KEY_FILE, SealError
from fleet.store.tables.journal import audit_log
from fleet.store.tables.voice import voice_accounts
from fleet.store.voice_accounts import VoiceAccountRepository
from protocol.wire.messages import pack
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import Warehouse, sent
from tests.fleet.services.telephony import HOME_NETWORK, numbers_of, see
from tests.fleet.services.test_swap import beat

PROFILE = VoiceProfile(
    "voice.example.com",
    (Registrar("sip1.example.com", 5061, Transport.TLS), Registrar("sip2.example.com")),
    emergency=("911", "933"),
    media_security=MediaSecurity.OFFERED,
    mailbox="vm-{user}",
    dns=(NameServer("192.0.2.53"),),
)


@pytest.fixture
def voice(warehouse: Warehouse) -> Warehouse:
    """A warehouse whose operator has a voice profile."""
    warehouse.services.voice.set_profile(warehouse.actor, PROFILE)
    return warehouse


def placed(warehouse: Warehouse) -> Unit:
    """A unit at an account with its line at the registrar."""
    unit = warehouse.stock()
    warehouse.send(warehouse.open_account(), unit)
    warehouse.register(unit)
    warehouse.ready(unit)
    return warehouse.unit(unit.serial)


def told(warehouse: Warehouse, unit: Unit) -> dict[str, Any]:
    """The account in the unit's configuration."""
    (row,) = warehouse.register(unit)[1].values["voice"]
    return dict(row)


def listed(services: Services, serial: str | None = None) -> list[dict[str, str]]:
    text = "".join(services.voice.subscribers_csv(someone(Role.REGISTRAR), serial))
    return list(csv.DictReader(io.StringIO(text)))


def stored(services: Services) -> list[Any]:
    with services.transactions.engine.connect() as connection:
        return list(connection.execute(select(voice_accounts)))


def changed(services: Services) -> list[str]:
    """The units whose accounts the registrar was told of."""
    return [each["serial"] for each in sent(services, "webhook") if each["event"] == "voice_account.changed"]


def test_without_a_profile_no_line_has_an_account(warehouse: Warehouse) -> None:
    unit = warehouse.place(warehouse.open_account())
    assert warehouse.register(unit)[1].values["voice"] == []
    assert (stored(warehouse.services), listed(warehouse.services)) == ([], [])


def test_a_unit_is_told_its_account_when_it_comes_on(voice: Warehouse) -> None:
    unit = voice.stock()
    assert voice.register(unit)[1].values["voice"] == [], "in stock it has no line"
    voice.send(voice.open_account(), unit)
    account = told(voice, unit)
    password = account.pop("password")
    assert account == {
        "user": "+15555550100", "auth_user": "+15555550100", "domain": "voice.example.com", "display_name": "",
        "country": "US", "emergency": "911,933", "dial_plan": "", "codecs": "PCMU,PCMA", "ptime_ms": 20,
        "registration_s": 600, "media_security": 1, "mailbox": "vm-+15555550100",
        "registrars": [
            {"host": "sip1.example.com", "port": 5061, "transport": 2},
            {"host": "sip2.example.com", "port": 0, "transport": 0},
        ],
        "dns": [{"host": "192.0.2.53", "port": 53}],
    }  # fmt: skip
    assert len(password) == 32
    assert told(voice, unit)["password"] == password, "as long as nothing changes"
    assert voice.beat(unit, config_version=1)[0].values["voice"][0]["password"] == password


def test_the_registrar_gets_digests_and_never_a_password(voice: Warehouse) -> None:
    unit = placed(voice)
    password = told(voice, unit)["password"]
    secret = f"+15555550100:voice.example.com:{password}".encode()
    (row,) = listed(voice.services)
    assert row == {
        "serial": unit.serial, "user": "+15555550100", "domain": "voice.example.com", "realm": "voice.example.com",
        "level": "full", "ha1_md5": md5(secret).hexdigest(), "ha1_sha256": sha256(secret).hexdigest(),
        "barred": "",
    }  # fmt: skip
    assert [json.loads(each) for each in voice.services.voice.subscribers_lines(someone(Role.ADMIN))] == [row]
    assert listed(voice.services, unit.serial) == [row]
    assert listed(voice.services, "PT999999998") == []


def test_a_list_that_is_being_read_is_of_one_moment(voice: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.services.voice.EXPORT_ROWS", 1)
    first, second = placed(voice), voice.place(voice.open_account("Osprey"))
    voice.stock()
    pieces = voice.services.voice.subscribers_csv(someone(Role.REGISTRAR))
    read = [next(pieces), next(pieces)]
    number = told(voice, second)["user"]
    voice.register(voice.replace(voice.approved(second)))
    seen = list(csv.DictReader(io.StringIO("".join([*read, *pieces]))))
    assert [(each["serial"], each["user"]) for each in seen] == [
        (first.serial, "+15555550100"), (second.serial, number),
    ]  # fmt: skip
    assert [each["serial"] for each in listed(voice.services) if each["user"] == number] != [second.serial]


def test_nothing_that_is_kept_shows_a_password(voice: Warehouse) -> None:
    unit = placed(voice)
    passwords = [told(voice, unit)["password"]]
    voice.services.voice.rotate(voice.actor, unit.serial, "calls nobody made")
    passwords.append(told(voice, unit)["password"])
    data_dir = voice.services.settings.data_dir
    kept = b"".join(path.read_bytes() for path in data_dir.rglob("*") if path.is_file())
    hashes = [row[name] for row in listed(voice.services) for name in ("ha1_md5", "ha1_sha256")]
    assert not [each for each in (*passwords, *hashes) if each.encode() in kept]
    assert stored(voice.services)[0].password in kept, "the database is among what was looked through"
    assert (data_dir / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_letter_in_the_outbox_is_completed_when_it_leaves(voice: Warehouse) -> None:
    services, unit = voice.services, placed(voice)
    services.units.configure(
        voice.actor, unit.serial, services.units.get(voice.actor, unit.serial).configuration.channel, None
    )
    assert "voice" not in sent(services, "command")[-1]["values"]
    left: list[Outgoing] = []
    Commands(services.outbox, VoiceConfigurations(services.transactions).complete).deliver(left.append, lambda: None)
    assert left[-1].values["voice"] == [told(voice, unit)]
    assert pack(left[-1].name, dict(left[-1].values))
    assert [each.values["voice"] for each in left if each.name != "configuration"] == []


def test_activation_waits_for_the_line_to_be_at_the_registrar(voice: Warehouse) -> None:
    unit = voice.stock()
    voice.send(voice.open_account(), unit)
    voice.register(unit)
    for state in ("not_configured", "unregistered", "registering", "failed", "emergency_only"):
        voice.ready(unit, state)
        detail = voice.services.units.get(voice.actor, unit.serial)
        assert (detail.unit.service, detail.readiness) == (Service.PLACED, None), state
    voice.ready(unit)
    detail = voice.services.units.get(voice.actor, unit.serial)
    assert detail.unit.service is Service.ACTIVE
    assert detail.readiness is not None


def test_a_registered_line_for_emergency_calls_alone_activates_nothing(voice: Warehouse) -> None:
    unit = voice.stock()
    account = voice.open_account()
    voice.send(account, unit)
    voice.services.suspensions.suspend(voice.actor, account.id, SuspensionReason.LAW)
    voice.register(unit)
    voice.ready(unit)
    assert voice.unit(unit.serial).service is Service.PLACED


def test_a_line_for_emergency_calls_keeps_its_account_and_the_registrar_is_told(voice: Warehouse) -> None:
    unit, services = placed(voice), voice.services
    before, count = told(voice, unit), len(changed(services))
    services.suspensions.suspend(voice.actor, 1, SuspensionReason.LAW)
    assert told(voice, unit) == before
    assert (listed(services)[0]["level"], len(changed(services))) == ("emergency_only", count + 1)


def test_without_a_number_the_line_has_an_account_for_emergency_calls(voice: Warehouse) -> None:
    unit, services = placed(voice), voice.services
    before = told(voice, unit)
    (number,) = numbers_of(services, voice.actor)
    services.numbers.move(voice.actor, number.id, NumberEvent.RELEASE, "wanted another")
    after = told(voice, unit)
    assert (after["user"], after["auth_user"]) == (unit.serial, unit.serial)
    assert after["password"] != before["password"]
    assert [(each["user"], each["level"]) for each in listed(services)] == [(unit.serial, "emergency_only")]
    services.numbers.assign(voice.actor, unit.serial)
    assert told(voice, unit)["user"] == "+15555550101"


def test_a_port_that_takes_effect_changes_nothing_for_the_line_that_was_called_so(voice: Warehouse) -> None:
    unit, services = placed(voice), voice.services
    (number,) = numbers_of(services, voice.actor)
    services.numbers.move(voice.actor, number.id, NumberEvent.RELEASE, "they bring theirs")
    ported = services.numbers.port_in(voice.actor, unit.serial, "+15555550977", None)
    before = told(voice, unit)
    assert (before["user"], listed(services)[0]["level"]) == ("+15555550977", "outgoing_only")
    services.numbers.take_effect(voice.actor, ported.id)
    assert (told(voice, unit), listed(services)[0]["level"]) == (before, "full")


@pytest.mark.parametrize("end", ["quarantine", "revoke", "block"])
def test_who_has_no_line_has_no_account(voice: Warehouse, end: str) -> None:
    unit, services = placed(voice), voice.services
    see(services, unit, HOME_NETWORK)
    if end == "block":
        services.networks.block(voice.actor, "US", "list")
    else:
        getattr(services.units, end)(voice.actor, unit.serial, "in doubt")
    assert (stored(services), listed(services), changed(services)[-1]) == ([], [], unit.serial)


def test_a_cleared_unit_gets_another_account(voice: Warehouse) -> None:
    unit, services = placed(voice), voice.services
    before = told(voice, unit)
    services.units.quarantine(voice.actor, unit.serial, "in doubt")
    services.units.clear(voice.actor, unit.serial, "it was the same house")
    after = told(voice, unit)
    assert (after["user"], after["password"] == before["password"]) == (before["user"], False)


def test_at_a_swap_the_number_gets_an_account_of_the_replacement(voice: Warehouse) -> None:
    old, services = placed(voice), voice.services
    before = told(voice, old)
    voice.stock()
    new = voice.replace(voice.approved(old))
    assert [row.serial for row in stored(services)] == [old.serial], "on its way it has none"
    after = told(voice, new)
    assert (after["user"], after["password"] == before["password"]) == (before["user"], False)
    assert [(each["serial"], each["user"]) for each in listed(services)] == [(new.serial, before["user"])]
    assert {old.serial, new.serial} <= set(changed(services))


def test_while_it_waits_for_a_call_the_replacement_leaves_the_number_to_the_unit_that_is_in_it(
    voice: Warehouse,
) -> None:
    old, services = placed(voice), voice.services
    before = told(voice, old)
    voice.stock()
    new = voice.replace(voice.approved(old))
    beat(voice, old, "in_call")
    assert told(voice, new)["user"] == new.serial
    assert {each["serial"]: each["user"] for each in listed(services)} == {
        old.serial: before["user"],
        new.serial: new.serial,
    }
    assert told(voice, old) == before
    beat(voice, old, "registered")
    assert [(each["serial"], each["user"], each["level"]) for each in listed(services)] == [
        (new.serial, before["user"], "full")
    ]


def test_a_unit_that_comes_back_leaves_no_account_behind(voice: Warehouse) -> None:
    unit, services = placed(voice), voice.services
    before = told(voice, unit)
    voice.take_back(unit)
    assert stored(services) == []
    again = voice.refurbish(unit)
    voice.send(voice.open_account("Osprey"), again)
    after = told(voice, again)
    assert (after["user"] == before["user"], after["password"] == before["password"]) == (False, False)


def test_on_suspicion_the_password_is_another_one_at_once(voice: Warehouse) -> None:
    unit, services = placed(voice), voice.services
    before, version = told(voice, unit), services.units.get(voice.actor, unit.serial).configuration.version
    services.voice.rotate(voice.actor, unit.serial, "calls nobody made")
    assert services.units.get(voice.actor, unit.serial).configuration.version == version + 1
    assert sent(services, "command")[-1]["values"]["config_version"] == version + 1, "it is told at once"
    after = told(voice, unit)
    assert (after["user"], after["password"] == before["password"]) == (before["user"], False)
    assert changed(services)[-1] == unit.serial
    with services.transactions.engine.connect() as connection:
        actions = connection.execute(select(audit_log.c.action).where(audit_log.c.subject == unit.serial)).scalars()
        assert [each for each in actions if each.startswith("voice_account")] == [
            "voice_account:make", "voice_account:make", "voice_account:rotate",
        ]  # fmt: skip


def test_what_has_no_account_cannot_be_rotated(voice: Warehouse) -> None:
    with pytest.raises(ConflictError, match="has no voice account"):
        voice.services.voice.rotate(voice.actor, voice.stock().serial, "calls nobody made")


def test_another_profile_reaches_every_line_and_no_other_unit(voice: Warehouse) -> None:
    unit, services = placed(voice), voice.services
    stocked = voice.stock()
    before, count = told(voice, unit), len(changed(services))
    version = services.units.get(voice.actor, unit.serial).configuration.version
    found = services.voice.set_profile(voice.actor, replace(PROFILE, domain="pbx.example.com", ptime_ms=30))
    assert (found.version, found.behind) == (2, 1)
    assert services.voice.bring_profile(voice.actor) == 1
    assert services.voice.bring_profile(voice.actor) == 0
    assert sent(services, "command")[-1]["serial"] == unit.serial
    after = told(voice, unit)
    assert (after["domain"], after["ptime_ms"], after["password"]) == ("pbx.example.com", 30, before["password"])
    assert services.units.get(voice.actor, unit.serial).configuration.version == version + 1
    assert services.units.get(voice.actor, stocked.serial).configuration.version == 1
    assert len(changed(services)) == count, "the registrar reads the whole list anew"
    assert sent(services, "webhook")[-1] == {"event": "voice_profile.changed", "version": 2}


def test_the_first_profile_gives_lines_that_there_are_an_account(warehouse: Warehouse) -> None:
    unit, services = warehouse.place(warehouse.open_account()), warehouse.services
    services.voice.set_profile(warehouse.actor, PROFILE)
    assert services.voice.bring_profile(warehouse.actor) == 1
    assert [each["serial"] for each in listed(services)] == [unit.serial]
    assert warehouse.unit(unit.serial).service is Service.ACTIVE, "what is active stays so"


def test_the_same_profile_again_is_no_change(voice: Warehouse) -> None:
    assert voice.services.voice.set_profile(voice.actor, PROFILE).version == 1
    assert voice.services.voice.profile(voice.actor).profile == PROFILE


def test_a_profile_no_unit_could_be_told_is_refused(voice: Warehouse) -> None:
    with pytest.raises(InvalidError, match="1 to 4 registrars"):
        voice.services.voice.set_profile(voice.actor, replace(PROFILE, registrars=()))


def test_a_number_is_one_units(voice: Warehouse) -> None:
    first, second = placed(voice), voice.place(voice.open_account("Osprey"))
    (row,) = (row for row in stored(voice.services) if row.serial == first.serial)
    with voice.services.transactions.begin(voice.actor) as uow:
        VoiceAccountRepository(uow).make(second.serial, AccountKey(1, row.number_id, row.sealed_by))
        uow.commit()
    assert [(each["serial"], each["user"]) for each in listed(voice.services)] == [(second.serial, "+15555550100")]


@pytest.fixture
def rekeyed(voice: Warehouse, clock: Clock) -> Warehouse:
    """The same, with a unit, started anew without the key."""
    placed(voice)
    (voice.services.settings.data_dir / KEY_FILE).unlink()
    services = build_services(voice.services.settings, clock)
    return Warehouse(services, voice.actor, voice.made, voice.sequence)


def test_when_the_key_is_lost_a_unit_gets_another_account_when_it_registers(rekeyed: Warehouse) -> None:
    (row,) = stored(rekeyed.services)
    unit = rekeyed.unit(row.serial)
    assert rekeyed.beat(unit, config_version=0)[0].values["voice"] == [], "nobody knows it any more"
    assert told(rekeyed, unit)["user"] == "+15555550100"
    assert stored(rekeyed.services)[0].sealed_by != row.sealed_by


def test_when_the_key_is_lost_all_accounts_are_made_anew_by_themselves(rekeyed: Warehouse) -> None:
    services = rekeyed.services
    (row,) = stored(services)
    with pytest.raises(SealError, match="restore the key"):
        listed(services)
    assert services.voice.bring_profile(rekeyed.actor) == 1
    assert (listed(services)[0]["serial"], changed(services)[-1]) == (row.serial, row.serial)
    assert services.voice.bring_profile(rekeyed.actor) == 0


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.ADMIN, Role.REGISTRAR)])
def test_only_a_registrar_and_an_admin_see_the_list(voice: Warehouse, role: Role) -> None:
    with pytest.raises(ForbiddenError):
        voice.services.voice.subscribers_csv(someone(role))


def test_nobody_bound_to_an_account_has_to_do_with_any_of_it(voice: Warehouse, admin: Actor) -> None:
    bound = replace(admin, account_id=1)
    unit = placed(voice)
    for act in (
        lambda: voice.services.voice.profile(bound),
        lambda: voice.services.voice.set_profile(bound, PROFILE),
        lambda: voice.services.voice.rotate(bound, unit.serial, "why"),
        lambda: voice.services.voice.subscribers_lines(bound),
    ):
        with pytest.raises(ForbiddenError):
            act()
