"""The voice profile over HTTP, accounts changed on suspicion, and the registrar's list of accounts, as digests."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from fleet.api.fields import SerialField, WhyIn
from fleet.api.routing import IF_MATCH, ActorDep, PermittedRouter, ServicesDep
from fleet.api.unit_imports import CSV, LINES
from fleet.domain.access import Permission
from fleet.domain.voice_profile import MediaSecurity, NameServer, Registrar, Transport, VoiceProfile
from fleet.services.voice import ProfileInForce

router = PermittedRouter(tags=["voice"])

MAX_TEXT: Final = 200
MAX_LISTED: Final = 16  # the rules bound each list more tightly

TextField = Annotated[str, Field(max_length=MAX_TEXT)]


class PlaceField(BaseModel):
    host: TextField
    port: int = Field(ge=0, le=0xFFFF)


class RegistrarField(PlaceField):
    """`port` 0: host and port by the SRV records of `host`."""

    port: int = Field(default=0, ge=0, le=0xFFFF)
    transport: Transport = Transport.UDP


class ProfileIn(BaseModel):
    """`registrars` in the order they are tried. `realm` empty: the domain. `mailbox`: `{user}` is the line's own."""

    domain: TextField
    registrars: list[RegistrarField] = Field(max_length=MAX_LISTED)
    realm: TextField = ""
    country: TextField = "US"
    emergency: list[TextField] = Field(default=["911"], max_length=MAX_LISTED)
    dial_plan: TextField = ""
    codecs: list[TextField] = Field(default=["PCMU", "PCMA"], max_length=MAX_LISTED)
    ptime_ms: int = Field(default=20, ge=0, le=255)
    registration_s: int = Field(default=600, ge=0, le=0xFFFF)
    media_security: MediaSecurity = MediaSecurity.OFF
    mailbox: TextField = ""
    dns: list[PlaceField] = Field(default=[], max_length=MAX_LISTED)


class ProfileOut(BaseModel):
    """`version` 0 and no profile: none was ever set. `units_behind`: how many wait for it still."""

    version: int
    units_behind: int
    profile: ProfileIn | None


def present_profile(found: ProfileInForce) -> ProfileOut:
    """The profile as the API shows it."""
    shown = None if found.profile is None else ProfileIn.model_validate(found.profile, from_attributes=True)
    return ProfileOut(version=found.version, units_behind=found.behind, profile=shown)


@router.get("/v1/voice-profile", permission=Permission.VOICE_READ)
def get_profile(actor: ActorDep, services: ServicesDep) -> ProfileOut:
    """The operator's voice profile in force."""
    return present_profile(services.voice.profile(actor))


@router.put("/v1/voice-profile", permission=Permission.VOICE_MANAGE, openapi_extra={"parameters": [IF_MATCH]})
def set_profile(body: ProfileIn, actor: ActorDep, services: ServicesDep) -> ProfileOut:
    """Put a profile in force. Units are told by themselves, a batch after the other."""
    return present_profile(services.voice.set_profile(actor, _read(body)))


@router.post("/v1/units/{serial}/rotate-voice", permission=Permission.NUMBER_MANAGE, status_code=204)
def rotate(serial: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> None:
    """Another password for the unit's account at the registrar; the old one is dead at once."""
    services.voice.rotate(actor, serial, body.reason)


@router.get(
    "/v1/subscribers",
    permission=Permission.SUBSCRIBER_READ,
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}, LINES: {}}, "description": "A line an account."}},
)
def list_subscribers(
    actor: ActorDep,
    services: ServicesDep,
    serial: Annotated[SerialField | None, Query()] = None,
    form: Annotated[Literal["csv", "json"], Query(alias="format")] = "csv",
) -> StreamingResponse:
    """Every account a registrar lets in, or a unit's, with HA1 for MD5 and SHA-256, never a password. It is audited."""
    if form == "json":
        return StreamingResponse(services.voice.subscribers_lines(actor, serial), media_type=LINES)
    return StreamingResponse(services.voice.subscribers_csv(actor, serial), media_type=CSV)


def _read(body: ProfileIn) -> VoiceProfile:
    return VoiceProfile(
        domain=body.domain,
        registrars=tuple(Registrar(each.host, each.port, each.transport) for each in body.registrars),
        realm=body.realm,
        country=body.country,
        emergency=tuple(body.emergency),
        dial_plan=body.dial_plan,
        codecs=tuple(body.codecs),
        ptime_ms=body.ptime_ms,
        registration_s=body.registration_s,
        media_security=body.media_security,
        mailbox=body.mailbox,
        dns=tuple(NameServer(each.host, each.port) for each in body.dns),
    )
