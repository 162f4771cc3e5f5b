"""All rows of the wire's tables, (type, name, version, fields): the fleet's messages, the USB link's, the bridge's."""

from protocol.wire import bridge_layouts, layouts, link_layouts, locked_layouts

MESSAGES = tuple(
    (number, name, *getattr(table, name)())
    for table in (layouts, locked_layouts, link_layouts, bridge_layouts)
    for number, name in table.TYPES.items()
)
