"""Mirror files."""
