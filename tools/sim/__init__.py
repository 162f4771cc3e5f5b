"""Simulated hardware: boards made of a process, a file and a pseudo-terminal."""
