"""Identity and the MAC address (ER 2)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fleet.domain.access import Actor, ActorKind, ForbiddenError, system_actor
from fleet.domain.clone_alarm import Resolution, Sighting, judge_mac, judge_places, resolve
from fleet.domain.errors import FleetError
from fleet.domain.identity import Identity, Issuer, Peer, Refusal, Standing, decide
from fleet.domain.import_judgement import Judge, Known
from fleet.domain.line_allowance import LineFacts, LineLevel, line_allowance
from fleet.domain.mac_address import ADDRESSES, AddressEvent, AddressRecord, AddressState
from fleet.domain.mac_block import Registry, block_size
from fleet.domain.ownership import Ownership
from fleet.domain.phone_number import NumberState
from fleet.domain.registered_location import LocationState
from fleet.domain.suspension import AccountService
from fleet.domain.transitions import advance
from fleet.domain.unit import Custody, Trust, UnitCondition
from fleet.domain.unit_import import BoardFacts, Column, ImportRow, RowError, parse_row
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial
from tests.fleet.domain.worked_cases.case import REFUSED, Case, refused

NOW = datetime(2025, 6, 1, tzinfo=UTC)
ONE, OTHER = make_serial(1), make_serial(2)
IN_BLOCK, NEXT, OUTSIDE = "8C:1F:64:AA:B0:01", "8C:1F:64:AA:B0:02", "8C:1F:64:BB:00:01"
BOARDS = {"simulated": BoardFacts(1, 4, 1), "pair": BoardFacts(1, 4, 2)}
OPERATOR = system_actor("test")


def listed(mac: str, serial: str = ONE, line: int = 2) -> ImportRow:
    """A row of an import that has been read."""
    macs = (MacAddress.parse(mac),)
    return ImportRow(line, serial, macs, "simulated", 1, UnitCondition.NEW, Ownership.OPERATOR, None)


def read(mac: str, further: str = "", board: str = "simulated") -> str:
    """Whether a row with these addresses can be read."""
    cells = [ONE, mac, further, board, "1", "", "", ""]
    return refused(lambda: parse_row(2, list(Column), cells, BOARDS.get), RowError)


def taken_in(*rows: ImportRow, owners: Mapping[str, AddressState] | None = None) -> list[str]:
    """What an import says of each row; addresses of `owners` are another unit's."""
    known = {
        int(MacAddress.parse(mac)): AddressRecord(MacAddress.parse(mac), 1, state, OTHER, 0)
        for mac, state in (owners or {}).items()
    }
    block = int(MacAddress.parse("8C:1F:64:AA:B0:00"))
    fleet = Known({}, {}, known, {}, lambda mac: 1 if block <= mac < block + 4096 else None)
    judge = Judge()
    return [str(judge.judge(row, fleet).outcome) for row in rows]


def seen(*starts: int) -> bool:
    """Whether one identity that registers with these starts, one a minute, raises a clone alarm."""
    mac = MacAddress.parse(IN_BLOCK)
    sightings = (Sighting(NOW + timedelta(minutes=n), ONE, mac, start) for n, start in enumerate(starts))
    return judge_places(sightings) is not None


def claims(owner: str | None) -> str:
    """Which identity is quarantined when ONE proves its key and names a MAC of somebody."""
    alarm = judge_mac(Sighting(NOW, ONE, MacAddress.parse(IN_BLOCK), 1), owner)
    return "nobody" if alarm is None else alarm.quarantined


def lets_in(standing: Standing, key: str = "key") -> object:
    """What the broker answers a unit that proves `key`, where the fleet knows its identity by the key `key`."""
    answer = decide(Peer(Issuer.DEVICES, ONE, key), ONE, Identity(ONE, "key", standing), gateways_listen=True)
    return answer if isinstance(answer, Refusal) else answer.publish


def line(trust: Trust) -> LineLevel:
    facts = LineFacts(Custody.AT_ACCOUNT, trust, AccountService.AVAILABLE, LocationState.CURRENT, NumberState.ASSIGNED)
    return line_allowance(facts).level


def goes(state: AddressState, event: AddressEvent) -> str:
    return refused(lambda: advance(ADDRESSES, state, event, IN_BLOCK), FleetError)


def resolves(actor: Actor) -> str:
    return refused(lambda: resolve(actor, Resolution.FALSE_ALARM), ForbiddenError)


CASES = [
    Case("2", "A multicast address is refused at import.", lambda: read("01:00:5E:00:00:01"), REFUSED),
    Case("2", "A locally administered address is refused at import.", lambda: read("02:1F:64:AA:B0:01"), REFUSED),
    Case("2", "The broadcast address is refused at import.", lambda: read("FF:FF:FF:FF:FF:FF"), REFUSED),
    Case("2", "A registered unicast address can be read.", lambda: read(IN_BLOCK), "allowed"),
    Case("2", "One address twice in one unit is refused.", lambda: read(IN_BLOCK, IN_BLOCK, "pair"), REFUSED),
    Case("2", "An address outside the loaded blocks is refused, one within is taken.",
         lambda: taken_in(listed(OUTSIDE), listed(IN_BLOCK)), ["refused", "accepted"]),
    Case("2", "A MAC another unit has is refused.", lambda: taken_in(listed(IN_BLOCK), owners={
        IN_BLOCK: AddressState.GIVEN}), ["refused"]),
    Case("2", "A MAC of a scrapped unit is refused too: never given twice.", lambda: taken_in(listed(IN_BLOCK), owners={
        IN_BLOCK: AddressState.RETIRED}), ["refused"]),
    Case("2", "Two units of one list with one MAC: the first is taken, the second refused.",
         lambda: taken_in(listed(IN_BLOCK), listed(IN_BLOCK, OTHER, 3)), ["accepted", "refused"]),
    Case("2", "One serial number on two lines with two MACs: the second is refused.",
         lambda: taken_in(listed(IN_BLOCK), listed(NEXT, line=3)), ["accepted", "refused"]),
    Case("2", "A scrapped unit's address never becomes anybody's again.",
         lambda: [goes(AddressState.RETIRED, event) for event in AddressEvent], [REFUSED] * len(AddressEvent)),
    Case("2", "An address in use is not allocated, leased or imported again.",
         lambda: [goes(AddressState.GIVEN, event)
                  for event in (AddressEvent.ALLOCATE, AddressEvent.LEASE, AddressEvent.IMPORT)], [REFUSED] * 3),
    Case("2", "An MA-L block has 16,777,216 addresses, an MA-M 1,048,576, an MA-S 4,096.",
         lambda: [block_size(registry, MacAddress.parse("8C:1F:64:00:00:00"), bits, None)
                  for registry, bits in ((Registry.MA_L, 24), (Registry.MA_M, 28), (Registry.MA_S, 36))],
         [16_777_216, 1_048_576, 4_096]),
    Case("2", "A block of locally administered addresses is not loaded.",
         lambda: refused(lambda: block_size(Registry.MA_L, MacAddress.parse("02:00:00:00:00:00"), 24, None),
                         FleetError), REFUSED),
    Case("2", "A block that leaves its MA-S assignment is not loaded.",
         lambda: refused(lambda: block_size(Registry.MA_S, MacAddress.parse("8C:1F:64:AA:B0:00"), None,
                                            MacAddress.parse("8C:1F:64:AA:C0:00")), FleetError), REFUSED),
    Case("2", "A known MAC with another key: the identity that proved the key is quarantined.",
         lambda: claims(OTHER), ONE),
    Case("2", "Its own MAC, or one nobody has, is no clone.", lambda: [claims(ONE), claims(None)],
         ["nobody", "nobody"]),
    Case("2", "One identity at two places at once: start 1 is heard again after start 2.", lambda: seen(1, 2, 1), True),
    Case("2", "A unit that restarts twice is one unit.", lambda: seen(1, 1, 2, 3), False),
    Case("2", "A quarantined identity has no line of any kind, 911 not either.", lambda: line(Trust.QUARANTINED),
         LineLevel.NONE),
    Case("2", "A revoked identity has no line of any kind either.", lambda: line(Trust.REVOKED), LineLevel.NONE),
    Case("2", "A quarantined unit may register, and says nothing else.",
         lambda: lets_in(Standing.QUARANTINED), (f"pt.1.*.{ONE}.up.register",)),
    Case("2", "The certificate of an epoch that is over is refused.", lambda: lets_in(Standing.DEAD),
         Refusal.DEAD_IDENTITY),
    Case("2", "A revoked identity is refused.", lambda: lets_in(Standing.REVOKED), Refusal.REVOKED),
    Case("2", "The right name with a key the fleet does not know is refused.",
         lambda: lets_in(Standing.GOOD, "another"), Refusal.UNKNOWN),
    Case("2", "Somebody of the operator resolves a clone alarm.", lambda: resolves(OPERATOR), "allowed"),
    Case("2", "An Administrator of the account does not.",
         lambda: resolves(replace(OPERATOR, kind=ActorKind.PERSON, account_id=1)), REFUSED),
]  # fmt: skip
