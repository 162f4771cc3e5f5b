"""The TUF repository and the director: sign, publish, assign."""
