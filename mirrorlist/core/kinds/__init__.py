"""Kinds of content: what each kind of metadata looks like, and what it names."""
