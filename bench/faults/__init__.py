"""Attacks on the service: each case with its bar."""
