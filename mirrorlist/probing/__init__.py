"""Services that probe mirrors."""
