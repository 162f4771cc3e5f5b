"""Releases: build images, sign their metadata offline."""
