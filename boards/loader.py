"""How a bare board takes its first image: the chip's own loader, told apart by its kind."""

from typing import Annotated, Literal

from pydantic import Field

from boards.link import Fixed


class SimulatedLoader(Fixed):
    """The simulated chip's ROM loader, over the link's framing."""

    kind: Literal["simulated"]


class EsptoolLoader(Fixed):
    """The ESP32's ROM loader over its serial port. The settings are refused where the chip's eFuses say otherwise."""

    kind: Literal["esptool"]
    baud: int = Field(ge=9600, le=2_000_000)
    flash_encryption: Literal["off", "development", "release"]
    secure_boot: Literal["off", "v1", "v2"]


class Uf2Loader(Fixed):
    """The RP2's ROM drive: a file is copied to it. `board_ids` are what INFO_UF2.TXT may say as Board-ID."""

    kind: Literal["uf2"]
    family_id: int = Field(ge=0, le=0xFFFFFFFF)
    board_ids: list[str] = Field(min_length=1)
    flash_address: int = Field(ge=0, le=0xFFFFFFFF)  # where the chip's address space shows the flash


LoaderFacts = Annotated[SimulatedLoader | EsptoolLoader | Uf2Loader, Field(discriminator="kind")]
