"""Tests of fleet.pki."""
