"""Address databases: countries, places, networks and clouds."""
