"""HTTP for programs: declare, delegate, return."""
