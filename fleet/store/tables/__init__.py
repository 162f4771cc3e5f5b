"""The tables, a module an area; importing this package declares them all."""
