"""How the database came to be what it is, one forward step a file."""
