"""Real units, MicroPython and all, at a real fleet service: what they say to it, and that no call ever ends for it."""
