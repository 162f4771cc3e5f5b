"""The station over HTTP: a unit for a board, its certificate, stock; each request may be repeated."""

from __future__ import annotations

import base64
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from fleet.api.fields import Base64Field, SerialField, WhyIn
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.api.units import UnitOut, present_unit
from fleet.domain.access import Permission
from fleet.domain.errors import InvalidError
from fleet.domain.unit import check_board_uid
from fleet.pki.tokens import MAX_KEYS
from fleet.services.provisioning import StationReport

router = PermittedRouter(tags=["provisioning"])

MAX_SELF_TESTS = 32
CHALLENGE_BYTES = 32
STATION = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"

KeyIdField = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class BoardIn(BaseModel):
    """`board_uid`: the chip's own id, 16 hex digits. `serial`: on the label of an imported unit no station met yet."""

    board: str = Field(pattern=r"^[a-z0-9_-]{1,16}$")
    hardware_revision: int = Field(ge=0, le=255)
    board_uid: str = Field(max_length=16)
    serial: SerialField | None = None


class AllocatedOut(UnitOut):
    """`station`: who asks, as the fleet knows it by its credential; for it a reset unit draws its challenge."""

    station: str


class RequestIn(BaseModel):
    """`csr`: a PKCS#10 request as DER."""

    csr: Base64Field
    epoch: int = Field(ge=1, le=65_535)


class EnrolmentOut(BaseModel):
    """The blobs of the identity partition, base64."""

    certificate: str
    trust_anchors: str
    root_metadata: str
    addresses: str
    token_keys: str


class ChallengeIn(BaseModel):
    """`challenge` and `key_ids`: as the unit gave them to the station that asks, by the name `AllocatedOut` has."""

    challenge: Base64Field
    key_ids: list[KeyIdField] = Field(min_length=1, max_length=MAX_KEYS)


class TokenOut(BaseModel):
    """What the unit is to be shown, base64."""

    token: str
    signature: str


class SelfTestIn(BaseModel):
    test: str = Field(max_length=32)
    result: Literal["passed", "failed", "skipped"]
    value: int = Field(default=0, ge=0, le=0xFFFFFFFF)
    code: int = Field(default=0, ge=0, le=255)  # of a failure: protocol/host/findings.py


class BenchIn(BaseModel):
    """What the station set and measured: the market, the line's gain in tenths of a dB, the clock's error in ppm."""

    station: str = Field(pattern=STATION)
    country: str = Field(pattern=r"^[A-Z]{2}$")
    line_gain_tenths: int = Field(ge=-100, le=100)
    clock_ppm: int = Field(ge=-32_768, le=32_767)


class StockIn(BaseModel):
    version: str = Field(min_length=1, max_length=16)
    release_counter: int = Field(ge=0, le=0xFFFFFFFF)
    self_test: list[SelfTestIn] = Field(min_length=1, max_length=MAX_SELF_TESTS)
    label: str = Field(default="", max_length=64)
    claim_code_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    bench: BenchIn | None = None


class ReprintIn(WhyIn):
    label: str = Field(min_length=1, max_length=64)
    claim_code_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


@router.post("/v1/units", permission=Permission.UNIT_PROVISION)
def allocate(body: BoardIn, actor: ActorDep, services: ServicesDep) -> AllocatedOut:
    """The unit made of this board: the same for the same board, else the next serial number and MAC."""
    board_uid = check_board_uid(body.board_uid)
    provisioning = services.provisioning
    unit = provisioning.allocate(actor, body.board, body.hardware_revision, board_uid, body.serial)
    return AllocatedOut(**present_unit(unit).model_dump(), station=actor.reference)


@router.post("/v1/units/{serial}/certificate", permission=Permission.UNIT_PROVISION)
def certify(serial: str, body: RequestIn, actor: ActorDep, services: ServicesDep) -> EnrolmentOut:
    """The unit's certificate and what else goes into its identity partition."""
    enrolment = services.provisioning.certify(actor, serial, base64.b64decode(body.csr), body.epoch)
    return EnrolmentOut(
        certificate=_text(enrolment.certificate),
        trust_anchors=_text(enrolment.trust_anchors),
        root_metadata=_text(enrolment.root_metadata),
        addresses=_text(enrolment.addresses),
        token_keys=_text(enrolment.token_keys),
    )


@router.post("/v1/units/{serial}/provisioning-tokens", permission=Permission.UNIT_PROVISION, status_code=201)
def authorize(serial: str, body: ChallengeIn, actor: ActorDep, services: ServicesDep) -> TokenOut:
    """Let the station that asks provision a unit that was reset, in its present epoch; good for that one challenge."""
    challenge = base64.b64decode(body.challenge)
    if len(challenge) != CHALLENGE_BYTES:
        raise InvalidError(f"a challenge has {CHALLENGE_BYTES} bytes, got {len(challenge)}")
    key_ids = [bytes.fromhex(key_id) for key_id in body.key_ids]
    token = services.provisioning.authorize(actor, serial, challenge, key_ids)
    return TokenOut(token=_text(token.token), signature=_text(token.signature))


@router.post("/v1/units/{serial}/stock", permission=Permission.UNIT_PROVISION)
def stock(serial: str, body: StockIn, actor: ActorDep, services: ServicesDep) -> UnitOut:
    """Take a unit that passed its self-test into stock."""
    rows = [row.model_dump() for row in body.self_test]
    bench = body.bench.model_dump() if body.bench else {}
    report = StationReport(body.version, body.release_counter, rows, body.label, body.claim_code_sha256, bench)
    return present_unit(services.provisioning.stock(actor, serial, report))


@router.post("/v1/units/{serial}/label-reprints", permission=Permission.UNIT_PROVISION)
def reprint_label(serial: str, body: ReprintIn, actor: ActorDep, services: ServicesDep) -> UnitOut:
    """A new label with another claim code for a unit in our hands: the code on the old one is dead."""
    provisioning = services.provisioning
    return present_unit(provisioning.reprint_label(actor, serial, body.reason, body.label, body.claim_code_sha256))


@router.post("/v1/units/{serial}/epochs", permission=Permission.UNIT_PROVISION, status_code=201)
def begin_epoch(serial: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> UnitOut:
    """A new identity epoch for a unit in our hands: its old certificate is dead, it is certified and stocked again."""
    return present_unit(services.provisioning.begin_epoch(actor, serial, body.reason))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
