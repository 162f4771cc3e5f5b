"""Tests of fleet.store."""
