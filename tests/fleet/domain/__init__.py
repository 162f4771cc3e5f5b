"""Tests of fleet.domain."""
