"""Power cuts at every flash operation and inside it: what a unit is after each, and where it goes from there."""
