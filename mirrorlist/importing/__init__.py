"""Mirror files out of what other services know of their mirrors."""
