"""What Plugtone's four programs say to each other; no I/O, no clock, no randomness."""
