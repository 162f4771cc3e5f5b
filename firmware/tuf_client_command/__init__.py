"""TUF's client as a command on the unix port; it is in no unit's image."""
