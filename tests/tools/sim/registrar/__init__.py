"""Tests of the registrar of the demo."""
