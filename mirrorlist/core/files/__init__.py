"""Files and the mirrors that have them."""
