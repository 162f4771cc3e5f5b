"""Tests of firmware/adapter."""
