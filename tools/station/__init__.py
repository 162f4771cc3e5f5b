"""The warehouse station: flash, provision, self-test, label, stock."""
