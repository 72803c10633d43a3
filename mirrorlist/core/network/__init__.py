"""Networks and places: prefixes, intervals, distances, addresses."""
