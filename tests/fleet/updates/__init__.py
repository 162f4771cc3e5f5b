"""Tests of fleet/updates."""
