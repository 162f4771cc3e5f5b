"""The commands that only ask the fleet over HTTP: one module a noun, each thin."""
