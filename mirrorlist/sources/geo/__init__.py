"""Databases of addresses: countries, places, networks and clouds."""
