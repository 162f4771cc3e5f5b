"""The simulated board: a MicroPython process with a file as flash and a pseudo-terminal as USB."""
