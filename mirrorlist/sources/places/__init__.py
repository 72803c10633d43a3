"""Countries, cities and the places of mirrors."""
