"""Mirrors that have a file, for redirects and metalinks."""
