"""What the station speaks to chips with: each module knows one kind of loader and is a `Flasher`."""
