"""Tests of fleet.api."""
