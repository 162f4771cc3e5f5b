"""Tests of updates on the unit, with the repository and the unit they need."""
