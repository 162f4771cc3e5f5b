"""Tests of the fleet service."""
