"""Selection of the mirrors that a client gets, their order, and the reasons."""
