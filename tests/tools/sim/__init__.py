"""Tests of tools/sim."""
