"""Which mirror has which file."""
