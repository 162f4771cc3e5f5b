"""Tests of firmware/ports/unix."""
