"""Mutated metadata, images and deltas: what is accepted was signed like that, and nothing but our own errors comes."""
