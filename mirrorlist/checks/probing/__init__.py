"""Visits to mirrors, and their results."""
