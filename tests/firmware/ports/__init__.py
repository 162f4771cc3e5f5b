"""Tests of firmware/ports."""
