"""Redirects to files, and pages about them."""
