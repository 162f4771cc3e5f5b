"""Tests of fleet.services."""
