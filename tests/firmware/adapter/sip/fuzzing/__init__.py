"""Mutants of messages, descriptions, challenges and DNS answers, the same under CPython and MicroPython."""
