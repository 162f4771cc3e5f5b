"""Tests of fleet.mqtt."""
