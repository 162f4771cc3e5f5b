"""Updates on the unit: signed metadata (TUF), the director's assignment, the session with its journal."""
