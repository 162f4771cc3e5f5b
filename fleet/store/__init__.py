"""All SQL there is."""
