"""Tests of the release commands."""
