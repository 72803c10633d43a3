"""Ordered mirrorlists and metalinks for Linux distributions, by network and place."""

__version__ = "0.1.0"
