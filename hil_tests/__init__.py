"""Tests of a board in one's hand, or of the simulated one."""
