"""The use cases: one transaction each, with its audit and outbox rows."""
