"""All rows of the wire's tables: the fleet's messages and the USB link's."""

from protocol.wire.layouts import MESSAGES as FLEET_MESSAGES
from protocol.wire.link_layouts import LINK_MESSAGES

MESSAGES = FLEET_MESSAGES + LINK_MESSAGES
