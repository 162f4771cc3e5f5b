"""Tests of fleet.serve."""
