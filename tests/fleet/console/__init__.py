"""Tests of fleet.console."""
