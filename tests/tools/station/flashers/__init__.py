"""Tests of tools/station/flashers, against chips faked at their edge: a pseudo-terminal, a folder as a drive."""
