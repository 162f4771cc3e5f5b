"""The commands against a real service over real HTTP."""
