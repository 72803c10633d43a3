"""Take up the generations of a snapshot channel, on machines that only answer."""
