"""All rows of the wire's tables, (type, name, version, fields): the fleet's messages and the USB link's."""

from protocol.wire import layouts, link_layouts

MESSAGES = tuple(
    (number, name, *getattr(table, name)()) for table in (layouts, link_layouts) for number, name in table.TYPES.items()
)
