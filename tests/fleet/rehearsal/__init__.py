"""Tests of the rehearsal of rollouts."""
