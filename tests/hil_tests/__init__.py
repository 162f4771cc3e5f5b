"""The rig itself: what it makes of bench files, locks and wrong wiring."""
