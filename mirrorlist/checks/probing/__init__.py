"""Visits to mirrors, and what they come to."""
